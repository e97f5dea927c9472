"""What ``rsync --list-only`` prints of a folder."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from exposure_subscriber.fetch.remote import SAFE_NAME

_LINE: Final = re.compile(
    r"(?P<type>\S)\S{9,10} +(?P<size>[0-9,]+) (?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) "
    rf"(?P<name>{SAFE_NAME.pattern})",
    re.ASCII,
)
"""Type and rights, size, time, one blank, and a name that needs no escaping; what is named otherwise is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something in a folder."""

    type: str
    """As `ls -l` writes it: ``-`` for a regular file, ``d`` for a folder, ``l`` for a symbolic link."""
    size: int
    """Size in bytes."""
    modified: int
    """Time of the last modification, seconds since 1970 (UTC)."""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.type == "-"

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.type == "l"


def read_listing(text: str) -> dict[str, Entry]:
    """Return what lies in a folder, by bare name.

    Args:
        text: What rsync printed, in the C locale and with times in UTC.
    """
    entries = {}
    for found in map(_LINE.fullmatch, text.splitlines()):
        if found:
            with suppress(ValueError):  # no date that there is
                entries[found["name"]] = _entry(found)
    return entries


def _entry(line: re.Match[str]) -> Entry:
    when = datetime.strptime(line["time"], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    return Entry(type=line["type"], size=int(line["size"].replace(",", "")), modified=int(when.timestamp()))
