"""A file under a hidden name of its own beside its target, until it is known to be right.

It is locked while it is written. A process that dies leaves it behind, but not locked: the next fetch to the same
folder removes it.
"""

import fcntl
import os
import re
import secrets
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from exposure_subscriber.fetch.writable import writable

_LONGEST_STEM: Final = 50
"""Characters of the target's name in the temporary one, which must stay below 255 bytes in any alphabet."""

_NAME: Final = re.compile(r"\..+\.[0-9]+-[0-9a-f]{16}\.part", re.DOTALL)
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_WRITE_OUT: Final = 8 * 2**20
"""Bytes after which the kernel is asked to begin writing to disk, so that the flush at the end finds little to do."""


class Temporary:
    """A file being written; a context manager, which removes it unless it has been moved to its place.

    Args:
        folder: The folder of its target.
        name: Its target's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._target = folder / name
        self._path, self.descriptor = _create(folder, name)
        self._written = 0
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with writable(self._path):
                self._path.unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)

    def write(self, block: memoryview) -> None:
        """Append a block."""
        with writable(self._target):
            while block:
                count = os.write(self.descriptor, block)
                self._written += count
                block = block[count:]
            if self._written - self._begun >= _WRITE_OUT:
                self._begin_writing_out()

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""
        with writable(self._target):
            return os.preadv(self.descriptor, [buffer], offset)

    def flush(self, modified: int) -> None:
        """Make sure that it is on disk.

        Args:
            modified: Time of its last modification, nanoseconds since 1970 (UTC).
        """
        with writable(self._target):
            os.utime(self.descriptor, ns=(modified, modified))
            os.fsync(self.descriptor)

    def take_place(self) -> None:
        """Move it to its target, in place of whatever file or link stands there."""
        with writable(self._target):
            self._path.replace(self._target)

    def move_to(self, path: Path) -> None:
        """Move it elsewhere on the same file system; what goes wrong is an `OSError`."""
        self._path.replace(path)

    def _begin_writing_out(self) -> None:
        # Linux starts writing what is dirty and drops what is clean; of what was just written, nothing is clean.
        os.posix_fadvise(self.descriptor, self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self._written


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_left(Path(entry.path))


def _create(folder: Path, name: str) -> tuple[Path, int]:
    """Create and lock; begin again if it was taken for a leftover in between."""
    while True:
        path = folder / f".{name[:_LONGEST_STEM]}.{os.getpid()}-{secrets.token_hex(8)}.part"
        with writable(folder / name):
            descriptor = os.open(path, _CREATE, 0o666)
        if _lock(descriptor, fcntl.LOCK_EX) and os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            continue
        return path, descriptor


def _remove_if_left(path: Path) -> None:
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:  # moved to its place meanwhile, or another user's: not ours to remove
        return
    try:
        if _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            path.unlink(missing_ok=True)
    except PermissionError:  # another user's, in a folder that several share
        return
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    """Return whether it is locked now; where the file system has no locks nothing is, and no leftover is removed."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
