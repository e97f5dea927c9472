"""What reading over the network needs of a server; one implementation for each way of asking it."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from exposure_subscriber.errors import SourceUnreachable
from exposure_subscriber.fetch.source import FileState

SILENCE: Final = 30.0
"""Seconds after which a server that says nothing is given up."""

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]+|\*)", re.ASCII)
_NOT_THERE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_NOT_ALLOWED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file, as the server describes it; another description means another content."""

    state: FileState
    """Its size and time."""
    tag: str | None
    """What the server calls its content (ETag); None if it does not say."""


class Stream(Protocol):
    """A file as it comes in. Reading raises `SourceUnreachable` where it breaks off."""

    begins: int
    """Offset of its first byte, which is 0 where the server cannot begin elsewhere."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what comes next, and return how many bytes came; 0 at the end."""

    def close(self) -> None:
        """Let go of it, read to its end or not."""


class Store(Protocol):
    """A folder on a server. Each method raises `SourceUnreachable` where the server does not serve."""

    def names(self) -> list[str]:
        """Return what lies directly in the folder; not all of it need be a name that can be opened."""

    def look(self, name: str) -> Found:
        """Ask what a file is like now."""

    def stream(self, name: str, offset: int) -> Stream:
        """Begin to read a file from an offset in bytes, or from its beginning if the server knows no offsets."""

    def close(self) -> None:
        """End all connections."""


def refusal(where: str, status: int) -> SourceUnreachable:
    """Return the error for an answer that is none, by its HTTP status.

    Source: RFC 9110, section 15.
    """
    known = status in HTTPStatus.__members__.values()
    said = f"the server answers {status}" + (f" {HTTPStatus(status).phrase}" if known else "")
    if status in _NOT_THERE:
        return SourceUnreachable(f"{where} is not there: {said}")
    if status in _NOT_ALLOWED:
        return SourceUnreachable(f"reading {where} is not allowed: {said}")
    return SourceUnreachable(f"cannot read {where}: {said}")


def beginning(where: str, content_range: str | None, asked: int) -> int:
    """Return the offset at which an answer begins.

    Args:
        where: The file, for messages.
        content_range: The header of that name; None where all of the file comes.
        asked: The offset that was asked for.

    Raises:
        SourceUnreachable: The answer is another part of the file than the one that was asked for.
    """
    if content_range is None:
        return 0
    found = _CONTENT_RANGE.fullmatch(content_range)
    if found is None or int(found[1]) != asked:
        raise SourceUnreachable(f"cannot read {where}: from byte {asked} was asked, and {content_range!r} came")
    return asked


def one_line(error: BaseException) -> str:
    """Return what an error says, without line breaks."""
    return " ".join(str(error).split())
