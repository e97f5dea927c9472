"""What an interrupted fetch, or a process that died, has left at the destination: gone on with, or removed.

The name of a temporary file says which content it is the beginning of, so none is continued with another.
"""

import fcntl
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from exposure_schemas import ManifestFile

_LONGEST_STEM: Final = 50
"""Characters of the target's name in the temporary one, which must stay below 255 bytes in any alphabet."""

_NAME: Final = re.compile(r"\..+\.(?P<key>[0-9a-f]{16}|none)\.[0-9]+-[0-9a-f]{16}\.part", re.DOTALL)
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIGITS: Final = 16
_UNKNOWN: Final = "none"


def key_of(file: ManifestFile) -> str:
    """Return what tells a file's content from any other's in the name of a temporary file."""
    return file.sha256[:_DIGITS] if file.sha256 else _UNKNOWN


def part_name(name: str, key: str, own: str) -> str:
    """Return the name of a temporary file: its target's name and content, and what makes it the only one."""
    return f".{name[:_LONGEST_STEM]}.{key}.{own}.part"


def lock(descriptor: int, how: int) -> bool:
    """Return whether it is locked now; where the file system has no locks nothing is, and no leftover is touched."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True


def taken_over(folder: Path, file: ManifestFile) -> tuple[Path, int, int] | None:
    """Take over what an interrupted fetch of the same content has left.

    Returns:
        Where it is, it, open and locked, and how many bytes it holds; None if there is nothing of use.
    """
    for path in _leftovers(folder, [key_of(file)]):
        descriptor = _held(path)
        if descriptor is None:
            continue
        size = os.fstat(descriptor).st_size
        if 0 < size <= file.size:
            return path, descriptor, size
        os.close(descriptor)
    return None


def remove_leftovers(folder: Path, but_of: Collection[ManifestFile]) -> dict[str, int]:
    """Remove the temporary files that nobody holds, but for those that some files can be gone on with.

    Returns:
        How many bytes are there already, by the key of the file.
    """
    wanted = {key_of(file) for file in but_of} - {_UNKNOWN}
    held: dict[str, int] = {}
    for path in _leftovers(folder, None):
        key = _key(path)
        if key in wanted:
            held[key] = held.get(key, 0) + _size(path)
        else:
            _remove_if_left(path)
    return held


def _leftovers(folder: Path, keys: Collection[str] | None) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found and (keys is None or found["key"] in keys) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _key(path: Path) -> str:
    found = _NAME.fullmatch(path.name)
    return found["key"] if found else _UNKNOWN


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # done and moved to its place meanwhile
        return 0


def _held(path: Path) -> int | None:
    """Open and lock a leftover; None if another process holds it, or has finished or removed it."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:
        return None
    if lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB) and os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return None


def _remove_if_left(path: Path) -> None:
    descriptor = _held(path)
    if descriptor is None:
        return
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # another user's, in a folder that several share
        return
    finally:
        os.close(descriptor)
