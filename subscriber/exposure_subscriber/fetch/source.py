"""What a fetch needs of the place where files come from; one implementation for each way of reading.

Reading goes by offset, as `os.preadv` does: a local file ignores the order, a remote one keeps its stream open
while the offsets follow each other, and asks for a range where they do not.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileState:
    """What changes when a file changes."""

    size: int
    """Size in bytes."""
    modified: int
    """Time of the last modification, nanoseconds since 1970 (UTC)."""


class SourceFile(Protocol):
    """A file that is open for reading. Each method raises `SourceUnreachable` where the file cannot be read."""

    def state(self) -> FileState:
        """Return its size and time as they are now."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""

    def clone_to(self, descriptor: int) -> bool:
        """Let an open, empty file share this one's blocks; False where that cannot be, and the file is as it was."""


class Source(Protocol):
    """The folder of an exposure, open."""

    where: str
    """The folder, as messages name it."""

    def names(self) -> list[str]:
        """Return the bare names of what lies there, in any order."""

    def open(self, name: str) -> AbstractContextManager[SourceFile]:
        """Open a regular file of the folder by its bare name.

        Raises:
            LocationRefused: It is a symbolic link.
            SourceUnreachable: It is missing, not a regular file, or cannot be read.
        """
