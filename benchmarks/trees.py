"""Exposures' folders with files of real sizes and one checksum file each, and the exposures that tell of them."""

import hashlib
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exposure_schemas import Exposure, ManifestFile, file_class_of

NIGHT: Final = 20230913
MB: Final = 10**6

ONE_LARGE: Final = {
    "desi-{:08d}.fits.fz": 700 * MB,
    "fibermap-{:08d}.fits": 3 * MB,
    "fvc-{:08d}.fits.fz": 5 * MB,
    "pm-{:08d}.fits": 1 * MB,
    "etc-{:08d}.json": MB // 10,
}
"""An exposure of 700 MB and small files."""

THIRTEEN: Final = dict.fromkeys(
    (
        "desi-{:08d}.fits.fz",
        "fibermap-{:08d}.fits",
        "guide-{:08d}.fits.fz",
        "guide-rois-{:08d}.fits.fz",
        "sky-{:08d}.fits.fz",
        "fvc-{:08d}.fits.fz",
        "focus-{:08d}.fits.fz",
        "gfa-{:08d}.fits.fz",
        "coordinates-{:08d}.fits",
        "pm-{:08d}.fits",
        "etc-{:08d}.json",
        "centroids-{:08d}.json",
        "request-{:08d}.json",
    ),
    20 * MB,
)
"""An exposure of 13 files of 20 MB."""

THREE_SMALL: Final = dict.fromkeys(("desi-{:08d}.fits.fz", "fibermap-{:08d}.fits", "etc-{:08d}.json"), 300_000)
"""An exposure of 3 files of 0.3 MB."""

ONE_SMALL: Final = {"desi-{:08d}.fits.fz": 300_000}
"""An exposure of one file of 0.3 MB."""


def write_exposure(raw: Path, expid: int, sizes: Mapping[str, int]) -> Exposure:
    """Write an exposure's files and its checksum file, and return the exposure with its manifest."""
    folder = raw / str(NIGHT) / f"{expid:08d}"
    folder.mkdir(parents=True)
    numbers = random.Random(expid)
    files = [_write_file(folder / pattern.format(expid), size, numbers, expid) for pattern, size in sizes.items()]
    lines = "".join(f"{file.sha256}  {file.name}\n" for file in files)
    (folder / f"checksum-{expid:08d}.sha256sum").write_text(lines)
    return Exposure(
        expid=expid,
        night=NIGHT,
        data_written=True,
        data_location=str(folder),
        data_written_at=datetime.now(UTC),
        sequence=1,
        files=tuple(sorted(files, key=lambda file: file.name)),
    )


def write_exposures(raw: Path, expids: Sequence[int], sizes: Mapping[str, int]) -> list[Exposure]:
    """Write several exposures, and let the disk come to rest."""
    exposures = [write_exposure(raw, expid, sizes) for expid in expids]
    os.sync()
    return exposures


def remove(tree: Path) -> None:
    """Remove a tree and let the disk come to rest: what flushes must not be measured with what was left by the last."""
    shutil.rmtree(tree)
    os.sync()


def total(exposures: Sequence[Exposure]) -> int:
    """Return how many bytes they have."""
    return sum(file.size for exposure in exposures for file in exposure.files or ())


def _write_file(path: Path, size: int, numbers: random.Random, expid: int) -> ManifestFile:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, MB):
            block = numbers.randbytes(min(MB, size - start))
            file.write(block)
            digest.update(block)
    return ManifestFile(
        name=path.name, file_class=file_class_of(path.name, expid), size=size, sha256=digest.hexdigest()
    )
