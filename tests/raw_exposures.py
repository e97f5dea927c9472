"""Exposures with real files on disk, made small, for tests of what brings them."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from exposure_schemas import Manifest, ManifestFile, file_class_of

NIGHT: Final = 20230913

SIZES: Final[Mapping[str, int]] = {
    "desi-{:08d}.fits.fz": 1_500_000,
    "fibermap-{:08d}.fits": 30_000,
    "etc-{:08d}.json": 300,
}


def write_exposure(raw: Path, expid: int, *, night: int = NIGHT, seed: int = 0) -> Path:
    """Write an exposure's files and its checksum file; return its folder, ``NIGHT/EXPID``."""
    folder = raw / str(night) / f"{expid:08d}"
    folder.mkdir(parents=True, exist_ok=True)
    numbers = random.Random(expid + seed)
    lines = []
    for pattern, size in SIZES.items():
        content, name = numbers.randbytes(size), pattern.format(expid)
        (folder / name).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (folder / f"checksum-{expid:08d}.sha256sum").write_text("".join(lines))
    return folder


def listed(folder: Path, expid: int) -> Manifest:
    """Return the manifest of an exposure's folder."""
    return tuple(
        ManifestFile(
            name=path.name,
            file_class=file_class_of(path.name, expid),
            size=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.iterdir())
    )


def trees_agree(here: Path, there: Path) -> bool:
    """Whether two folders hold the same files with the same bytes, all the way down, and are at rest."""
    try:
        return dict(_files(here)) == dict(_files(there))
    except FileNotFoundError:  # a temporary file that has got its name meanwhile
        return False


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
