"""What stands at the destination already, and whether it is the file that would come."""

import os
import stat
from pathlib import Path

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import FetchError
from exposure_subscriber.fetch.hashing import Content, read_through
from exposure_subscriber.fetch.local_source import READ_FILE
from exposure_subscriber.fetch.progress import Progress, Tally
from exposure_subscriber.fetch.writable import writable


def is_taken(folder: Path, name: str) -> bool:
    """Say whether something stands under a name: a file, a symbolic link, anything but a folder.

    Raises:
        FetchError: A folder stands there, which no file can replace.
    """
    path = folder / name
    with writable(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return False
    if stat.S_ISDIR(mode):
        raise FetchError(f"a folder stands at {path}: remove it, or choose another destination")
    return True


def is_same(folder: Path, file: ManifestFile, progress: Progress) -> bool:
    """Say whether a regular file stands under the name of a file and has its size and SHA-256.

    Args:
        folder: The destination.
        file: What would come; if its SHA-256 is not known, nothing can be the same.
        progress: Counts the bytes of a file that is the same.
    """
    path = folder / file.name
    with writable(path):
        found = path.lstat()
    if file.sha256 is None or not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
        return False
    tally = Tally(progress)
    same = _content(path, tally, file.size) == Content(size=file.size, sha256=file.sha256)
    if not same:
        tally.take_back()
    return same


def _content(path: Path, tally: Tally, expected: int) -> Content:
    with writable(path):
        descriptor = os.open(path, READ_FILE)
        try:
            return read_through(lambda block, at: os.preadv(descriptor, [block], at), tally.add, expected)
        finally:
            os.close(descriptor)
