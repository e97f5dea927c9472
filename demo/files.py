"""Files and their SHA-256, computed anew: of what QLF fetched, and as the instrument's checksum files promise it."""

import hashlib
from pathlib import Path

Sums = dict[str, str]
"""A file's name, relative to its exposure's folder, to its SHA-256 in hexadecimal."""


def promised(folder: Path, expid: int) -> Sums:
    """Return what an exposure's checksum file promises of its files, and the sum of the checksum file itself.

    Args:
        folder: Where the instrument wrote the exposure; empty if the exposure has no files.
        expid: Its number.

    Returns:
        The sums; of a checksum file that should be there and is not, an empty sum, which no file has.
    """
    sums_file = folder / f"checksum-{expid:08d}.sha256sum"
    if folder.is_dir() and not any(folder.iterdir()):
        return {}
    if not sums_file.is_file():
        return {sums_file.name: ""}
    lines = sums_file.read_text(encoding="ascii").splitlines()
    sums = {file: digest for digest, _, file in (line.partition("  ") for line in lines)}
    return sums | {sums_file.name: _sha256(sums_file)}


def found(folder: Path) -> Sums:
    """Return the sums of all files that lie in a folder, however deep; nothing if there is no such folder."""
    return {str(path.relative_to(folder)): _sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
