"""A folder that this host can read, local or mounted.

The folder itself may be a symbolic link, as mounts often are; a file in it may not, wherever it leads: files are
opened relative to the open folder and without following links, so nothing can be put in between.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.hashing import Reader
from exposure_subscriber.fetch.location import Location, is_beneath
from exposure_subscriber.fetch.source import FileState, Target

FICLONE: Final = 0x40049409
"""The request of ioctl_ficlone(2), which the fcntl module of Python 3.11 does not name."""

READ_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: opening a named pipe would wait for its writer for ever."""


class LocalFile:
    """An open file of a folder.

    Args:
        where: Its path, for messages.
        descriptor: The open file; whoever opened it closes it.
    """

    fills_at_once = True

    def __init__(self, where: str, descriptor: int) -> None:
        self._where = where
        self._descriptor = descriptor
        self.state = self._state_now()

    def changed(self) -> bool:
        """Whether its size or time is another one now."""
        return self._state_now() != self.state

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from an offset in bytes, and return how many bytes came; 0 at the end."""
        with _readable(self._where):
            return os.preadv(self._descriptor, [buffer], offset)

    def fill(self, target: Target) -> Reader | None:
        """Let the target share this file's blocks, where the file system can."""
        try:
            fcntl.ioctl(target.descriptor, FICLONE, self._descriptor)
        except OSError:  # whatever hinders cloning and copying alike is found again, and named, by copying
            return None
        return target.read_into

    def _state_now(self) -> FileState:
        with _readable(self._where):
            found = os.fstat(self._descriptor)
        return FileState(found.st_size, found.st_mtime_ns)


class LocalSource:
    """A folder of this host, open from the start; a context manager, which closes it.

    Args:
        location: The folder.

    Raises:
        LocationRefused: It leads out of its root.
        SourceUnreachable: It is not there, not a folder, or cannot be read.
    """

    def __init__(self, location: Location) -> None:
        self.where = location.text
        if location.root is not None and not is_beneath(location.text, location.root):
            raise LocationRefused(f"location {location.text!r} leads out of {location.root!r} by a symbolic link")
        with _readable(self.where):
            self._descriptor = os.open(os.path.realpath(self.where), READ_FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def names(self) -> list[str]:
        """Return the bare names of what lies there, in any order."""
        with _readable(self.where):
            return os.listdir(self._descriptor)  # noqa: PTH208 (pathlib lists no open folder)

    @contextmanager
    def open(self, name: str) -> Iterator[LocalFile]:
        """Open a regular file of the folder by its bare name.

        Raises:
            LocationRefused: It is a symbolic link.
            SourceUnreachable: It is missing, not a regular file, or cannot be read.
        """
        where = f"{self.where}/{name}"
        with _readable(where):
            descriptor = os.open(name, READ_FILE, dir_fd=self._descriptor)
        try:
            with _readable(where):
                regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            if not regular:
                raise SourceUnreachable(f"{where} is not a regular file")
            yield LocalFile(where, descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Translate what the file system says into our words."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LocationRefused(f"{where} is a symbolic link, which is not followed") from error
        raise SourceUnreachable(f"cannot read {where}: {error.strerror}") from error
