"""What the names of files and folders say about exposures, and how a name is shown that somebody made up."""

import re
from datetime import date
from typing import Final

from exposure_schemas import FILE_CLASSES

_EXPID: Final = re.compile("[0-9]{8}|[1-9][0-9]{8,}")
"""As DESI writes an exposure number: eight digits, more only where they are needed."""

_NIGHT: Final = re.compile("(19|[2-9][0-9])[0-9]{6}")


def has_class(name: str) -> bool:
    """Say whether a name is of a file class, be it of whichever exposure."""
    return any(pattern.fullmatch(name) for pattern in FILE_CLASSES.values())


def expid_of_file(name: str) -> int | None:
    """Return the exposure number that a name of a file class carries; None if it carries none."""
    for pattern in FILE_CLASSES.values():
        match = pattern.fullmatch(name)
        if match:
            return expid_of_folder(match.groupdict().get("expid") or "")
    return None


def expid_of_folder(name: str) -> int | None:
    """Return the exposure number that a folder is named for, or None."""
    return int(name) if _EXPID.fullmatch(name) else None


def night_of_folder(name: str) -> int | None:
    """Return the night that a folder is named for, or None: a date that does not exist is an exposure number."""
    if not _NIGHT.fullmatch(name):
        return None
    try:
        date.fromisoformat(name)
    except ValueError:
        return None
    return int(name)


def shown(text: str) -> str:
    """Return a text with everything escaped that a terminal would obey or no encoding can write."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
