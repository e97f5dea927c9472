"""What a fetch needs of the place where files come from; one implementation for each way of reading.

Reading goes by offset, as `os.preadv` does: a local file ignores the order, a remote one keeps its stream open
while the offsets follow each other, and asks for a range where they do not.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exposure_subscriber.fetch.hashing import Reader


@dataclass(frozen=True, slots=True)
class FileState:
    """What changes when a file changes."""

    size: int
    """Size in bytes."""
    modified: int | None
    """Time of the last modification, nanoseconds since 1970 (UTC); None if the source does not tell."""


class Target(Protocol):
    """A file at the destination that is to be filled."""

    path: Path
    """Where it stands, under a temporary name."""
    descriptor: int
    """It, open for reading and writing, and locked as long as this or a copy of it is open."""
    held: int
    """Bytes that it holds already, from a fetch of the same content that was interrupted."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""

    def go_on(self) -> None:
        """Raise if the fetch has been ended meanwhile; to be asked by who waits for bytes."""


class SourceFile(Protocol):
    """A file that is open for reading. Each method raises `SourceUnreachable` where the file cannot be read."""

    state: FileState
    """Its size and time when it was opened."""
    fills_at_once: bool
    """Whether a target that `fill` fills is never written to again."""

    def changed(self) -> bool:
        """Whether its size or time is another one now."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""

    def fill(self, target: Target) -> Reader | None:
        """Let somebody else fill the target with this file: the file system, or another program.

        Returns:
            What reads the target from its beginning, and waits where it is not filled yet; None where nobody else
            does it, and the target is as it was.
        """


class Source(Protocol):
    """The folder of an exposure, open."""

    where: str
    """The folder, as messages name it."""

    def names(self) -> list[str]:
        """Return the bare names of what lies there, in any order."""

    def open(self, name: str) -> AbstractContextManager[SourceFile]:
        """Open a regular file of the folder by its bare name; what fills a target ends with the context.

        Raises:
            LocationRefused: It is a symbolic link, or its name cannot be asked for there.
            SourceUnreachable: It is missing, not a regular file, or cannot be read.
        """
