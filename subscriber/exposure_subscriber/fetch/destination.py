"""The folder that files are copied to."""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import NoSpace
from exposure_subscriber.fetch.leftovers import remove_leftovers
from exposure_subscriber.fetch.writable import writable

MARGIN: Final = 16 * 2**20
"""Bytes that a fetch leaves free, since a disk filled to the last byte hurts whoever else writes to it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder that is there."""

    folder: Path
    """Its absolute path."""
    parents_of_new: tuple[Path, ...]
    """The folders in which it, and those above it, have just got their names."""

    def flush_names(self) -> None:
        """Flush to disk under which names the files stand, then those of the folders that were made for them.

        Raises:
            FetchError: They cannot be flushed.
        """
        for folder in (self.folder, *self.parents_of_new):
            with writable(folder), suppress(PermissionError):  # who may write there need not be allowed to list it
                _flush(folder)


def prepare(folder: Path) -> Prepared:
    """Make the folder if it is not there.

    Raises:
        FetchError: It cannot be made, or it is no folder.
    """
    folder = folder.absolute()
    with writable(folder):
        new = takewhile(lambda each: not each.exists(), (folder, *folder.parents))
        parents_of_new = tuple(each.parent for each in new)
        folder.mkdir(parents=True, exist_ok=True)
    return Prepared(folder, parents_of_new)


def clear(folder: Path, wanted: Sequence[ManifestFile]) -> Collection[str]:
    """Remove what dead processes left, and make sure that the rest of some files can be written, before any is.

    Args:
        folder: The destination.
        wanted: The files that are to be copied; what is there of them already is gone on with.

    Returns:
        The keys of those of which something is there.

    Raises:
        NoSpace: There is too little room.
        FetchError: The folder cannot be read.
    """
    with writable(folder):
        held = remove_leftovers(folder, wanted)
    require_room(folder, sum(file.size for file in wanted) - sum(held.values()))
    return held.keys()


def require_room(folder: Path, needed: int) -> None:
    """Make sure that so many bytes can be written, before the first is.

    Raises:
        NoSpace: They cannot.
    """
    with writable(folder):
        found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    says_its_size = found.f_blocks > 0  # some network file systems do not
    if needed > 0 and says_its_size and free < needed + MARGIN:
        raise NoSpace(f"{folder} has {free:,} bytes free, {needed:,} and a margin of {MARGIN:,} are needed: make room")


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
