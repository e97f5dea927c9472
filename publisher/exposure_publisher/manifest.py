"""The manifest: which files an exposure has on disk, by class, with size and checksum.

Checksums come from the exposure's own checksum file, if it has one. Where it lists none, the file's stays None.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from exposure_schemas import Manifest, ManifestFile, file_class_of
from exposure_schemas.checksum_file import checksum_names, read_checksums

log = logging.getLogger(__name__)


def list_files(row: Mapping[str, Any]) -> Manifest | None:
    """List the files of an exposure whose data is written.

    Args:
        row: The exposure's columns.

    Returns:
        Its files of known classes and those that its checksum file lists, ascending by name; empty if there is none;
        None while data is not written, or if this host cannot read the location.
    """
    location = row["data_location"]
    if row["data_written"] != 1 or not location or not isinstance(location, str):
        return None  # SQLite keeps whatever it was given, bytes too
    folder = Path(location)
    try:
        if not folder.is_absolute():
            return None  # a URL, or another host's path: not ours to list
        sizes = _sizes(folder)
        checksums = _checksums(folder, row["expid"], row["night"])
    except (OSError, ValueError) as error:
        log.warning("exposure %s: cannot list the files in %s: %s", row["expid"], location, error)
        return None
    for name in sorted(checksums.keys() - sizes.keys()):
        log.warning("exposure %s: its checksum file lists %r, which is not in %s", row["expid"], name, location)
    files = (_file(name, sizes[name], checksums.get(name), row["expid"]) for name in sorted(sizes))
    return tuple(file for file in files if file is not None)


def _file(name: str, size: int, sha256: str | None, expid: int) -> ManifestFile | None:
    """List a file, if it is of a known class or has a checksum: strays and leftovers lie about in real directories."""
    file_class = file_class_of(name, expid)
    if file_class is None and sha256 is None:
        return None
    try:
        return msgspec.convert({"name": name, "file_class": file_class, "size": size, "sha256": sha256}, ManifestFile)
    except msgspec.ValidationError as error:
        log.warning("exposure %s: a file named %r cannot be listed: %s", expid, name, error)
        return None


def _sizes(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file(follow_symlinks=False)}


def _checksums(folder: Path, expid: int, night: int) -> dict[str, str]:
    for name in checksum_names(expid, night):
        try:
            return read_checksums((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
    return {}
