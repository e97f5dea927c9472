"""What says, without reading a file, that it is still the one that was hashed."""

import os

from msgspec import Struct


class Stamp(Struct, frozen=True, array_like=True):
    """A file's size, times and identity; whatever is written into a file or put in its place changes one of them."""

    size: int
    """Bytes."""
    modified: int
    """When its content was last changed, in ns since 1970; programs that copy files set it as they like."""
    changed: int
    """When anything of it was last changed, in ns since 1970; no program can set it."""
    inode: int
    """Which file of its file system it is: another one that is moved in its place has another."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file that was looked at."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
