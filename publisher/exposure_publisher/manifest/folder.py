"""An exposure's folder: which of its files lie there, and what the checksum file says of them. No file is hashed."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exposure_publisher.manifest.stamp import Stamp, stamp_of
from exposure_schemas import file_class_of
from exposure_schemas.checksum_file import checksum_names, read_checksums

LARGEST: Final = 2**20
"""Bytes of the largest checksum file that is read: ten thousand lines, where an exposure has about thirteen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What was found in a folder."""

    stamps: Mapping[str, Stamp]
    """Its files of known classes and those that the checksum file lists, by name."""
    checksums: Mapping[str, str]
    """SHA-256 by file name, as the exposure's checksum file has them; empty if there is none."""
    missing: tuple[str, ...]
    """Names that the checksum file lists and that are not there, ascending."""
    passed_over: tuple[str, ...]
    """Names that it lists and that no manifest can hold: in another folder, or no regular files."""


def location_of(row: Mapping[str, Any]) -> Path | None:
    """Return the folder in which the files of an exposure are to be listed.

    Returns:
        None while data is not written, and for a location that is no path of this host, such as a URL.
    """
    location = row["data_location"]
    if row["data_written"] != 1 or not isinstance(location, str):
        return None  # SQLite keeps whatever it was given, bytes too
    return Path(location) if location.startswith("/") else None


def look_into(path: Path, expid: int, night: int, alive: Callable[[], object] = lambda: None) -> Folder:
    """Look into an exposure's folder.

    Args:
        path: The folder.
        expid: Exposure number.
        night: YYYYMMDD, which older checksum files have in their names.
        alive: Called after each step that a file server has answered.

    Raises:
        OSError: It cannot be read.
        ValueError: Its path or its checksum file is no text.
    """
    names = frozenset(os.listdir(path))  # noqa: PTH208 (unlike scandir, it never holds up other threads)
    alive()
    own = names.intersection(checksum_names(expid, night))
    checksums = {
        name: sha256 for name, sha256 in _checksums(path, own).items() if name not in own
    }  # no file has its own
    alive()
    ours = {name for name in names if name in checksums or file_class_of(name, expid)}
    stamps, gone = _stamps(path, ours, alive)
    missing = {name for name in (checksums.keys() - names) | (checksums.keys() & gone) if _may_be_ours(name)}
    return Folder(
        stamps=stamps,
        checksums=checksums,
        missing=tuple(sorted(missing)),
        passed_over=tuple(sorted(checksums.keys() - stamps.keys() - missing)),
    )


_STANDARD_INPUT = "-"
"""What ``sha256sum`` calls its input, which is no file."""


def _checksums(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Read the checksum file; of two, that of today's name, which sorts first."""
    for name in sorted(names):
        return read_checksums(_read(path / name))
    return {}


def _read(path: Path) -> str:
    # A named pipe would wait for its writer for ever, and a link could lead to one.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (what is open)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise ValueError(f"{path.name} is no checksum file: not a regular file of at most {LARGEST} bytes")
        return file.read(LARGEST).decode("utf-8")


def _stamps(path: Path, names: Iterable[str], alive: Callable[[], object]) -> tuple[dict[str, Stamp], set[str]]:
    """Return the stamps of files, and which of them are gone again."""
    stamps: dict[str, Stamp] = {}
    gone: set[str] = set()
    for name in names:
        try:
            stamp = _stamp(path / name)
        except FileNotFoundError:
            gone.add(name)
            continue
        alive()
        if stamp:
            stamps[name] = stamp
    return stamps, gone


def _may_be_ours(name: str) -> bool:
    return "/" not in name and name != _STANDARD_INPUT


def _stamp(path: Path) -> Stamp | None:
    """Return a file's stamp; None for what is no regular file."""
    status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 (unlike DirEntry's, it never holds up others)
    return stamp_of(status) if stat.S_ISREG(status.st_mode) else None
