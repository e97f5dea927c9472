"""A file under a hidden name of its own beside its target, until it is known to be right.

It is locked while it is written, here or by a program that was handed it. What an interrupted fetch or a dead process
leaves behind is not locked: the next fetch of the same content to the same folder goes on with it, any other removes
it.
"""

import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import SourceUnreachable
from exposure_subscriber.fetch.hashing import SMALL
from exposure_subscriber.fetch.leftovers import key_of, lock, part_name, taken_over
from exposure_subscriber.fetch.progress import Abandoned, Progress
from exposure_subscriber.fetch.writable import writable

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_WRITE_OUT: Final = 8 * 2**20
"""Bytes after which the kernel is asked to begin writing to disk, so that the flush at the end finds little to do."""

_INTERRUPTED: Final = (SourceUnreachable, Abandoned, KeyboardInterrupt)


class Temporary:
    """A file being written; a context manager, which removes it unless it has been moved to its place.

    What was interrupted stays for the next fetch, if its checksum will tell whether it was worth keeping.

    Args:
        folder: The folder of its target.
        file: What it is to hold.
        progress: Tells whether the fetch has been ended.
        resume: Go on with what an interrupted fetch of the same content has left.
    """

    def __init__(self, folder: Path, file: ManifestFile, progress: Progress, *, resume: bool) -> None:
        self._progress = progress
        self._target = folder / file.name
        self._resumable = file.sha256 is not None
        found = taken_over(folder, file) if resume and self._resumable else None
        self.path, self.descriptor, self.held = found or (*_create(folder, file), 0)
        self._written = self._begun = self.held

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not (isinstance(error, _INTERRUPTED) and self._worth_keeping()):
                with writable(self.path):
                    self.path.unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)

    def write(self, block: memoryview) -> None:
        """Append a block."""
        with writable(self._target):
            while block:
                count = os.pwrite(self.descriptor, block, self._written)
                self._written += count
                block = block[count:]
            if self._written - self._begun >= _WRITE_OUT:
                self._begin_writing_out()

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""
        with writable(self._target):
            return os.preadv(self.descriptor, [buffer], offset)

    def go_on(self) -> None:
        """Raise `Abandoned` if the fetch has been ended."""
        self._progress.advance(0)

    def flush(self, modified: int | None) -> None:
        """Make sure that it is on disk.

        Args:
            modified: Time of its last modification, nanoseconds since 1970 (UTC); None leaves the present.
        """
        with writable(self._target):
            if modified is not None:
                os.utime(self.descriptor, ns=(modified, modified))
            os.fsync(self.descriptor)

    def take_place(self) -> None:
        """Move it to its target, in place of whatever file or link stands there."""
        with writable(self._target):
            self.path.replace(self._target)

    def move_to(self, path: Path) -> None:
        """Move it elsewhere on the same file system; what goes wrong is an `OSError`."""
        self.path.replace(path)

    def _worth_keeping(self) -> bool:
        return self._resumable and os.fstat(self.descriptor).st_size > SMALL

    def _begin_writing_out(self) -> None:
        # Linux starts writing what is dirty and drops what is clean; of what was just written, nothing is clean.
        os.posix_fadvise(self.descriptor, self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self._written


def _create(folder: Path, file: ManifestFile) -> tuple[Path, int]:
    """Create and lock; begin again if it was taken for a leftover in between."""
    while True:
        path = folder / part_name(file.name, key_of(file), f"{os.getpid()}-{secrets.token_hex(8)}")
        with writable(folder / file.name):
            descriptor = os.open(path, _CREATE, 0o666)
        if lock(descriptor, fcntl.LOCK_EX) and os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            continue
        return path, descriptor
