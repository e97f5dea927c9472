"""A folder on this host, read without following a symbolic link in it.

What is below the root is opened name by name, each relative to the one before, so that no link, however late it is put
there, leads out of the root. The root itself may be a link, as mounts often are.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exposure_subscriber.fetch.local_source import READ_FILE, READ_FOLDER

_KINDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        stat.S_IFLNK: "a symbolic link, which is not followed",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
)

_OF_LINKS: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.ELOOP: "a symbolic link, which is not followed",
        errno.ENOTDIR: "not a folder (a symbolic link is not followed)",
    }
)
"""What Linux says of a link that is opened as a file, and of one that is opened as a folder."""


Entries = Mapping[str, os.stat_result]
"""What is in a folder, by name; a link is described itself, not what it leads to."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, below a root or the root itself; its methods raise `OSError`."""

    root: Path
    """An absolute path."""
    below: tuple[str, ...] = ()
    """The names that lead from the root to it."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root.joinpath(*self.below)

    def child(self, name: str) -> "Folder":
        """Return a folder in it."""
        return Folder(self.root, (*self.below, name))

    def entries(self) -> Entries:
        """Return what is in it, ascending by name."""
        with self._opened() as descriptor, os.scandir(descriptor) as found:
            return dict(sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in found))

    @contextmanager
    def file(self, name: str) -> Iterator[int]:
        """Open a file of it for reading; yields the descriptor."""
        with self._opened() as folder:
            descriptor = os.open(name, READ_FILE, dir_fd=folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(os.path.realpath(self.root), READ_FOLDER)
        try:
            for name in self.below:
                above, descriptor = descriptor, os.open(name, READ_FOLDER, dir_fd=descriptor)
                os.close(above)
            yield descriptor
        finally:
            os.close(descriptor)


def is_folder(state: os.stat_result) -> bool:
    """Say whether something is a folder, and no link to one."""
    return stat.S_ISDIR(state.st_mode)


def is_link(state: os.stat_result) -> bool:
    """Say whether something is a symbolic link."""
    return stat.S_ISLNK(state.st_mode)


def what_else(state: os.stat_result) -> str | None:
    """Return what something is that is no regular file, as a message says it; None for a regular file."""
    kind = stat.S_IFMT(state.st_mode)
    return None if kind == stat.S_IFREG else _KINDS.get(kind, "no regular file")


def why(error: OSError) -> str:
    """Return why something could not be read."""
    return _OF_LINKS.get(error.errno or 0) or error.strerror or str(error)
