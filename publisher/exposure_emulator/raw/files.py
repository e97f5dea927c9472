"""Which files an exposure leaves, and how large each is."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw import documents, images, tables
from exposure_emulator.raw.noise import Noise

_MEGABYTES: Final = {
    "desi": 500,
    "guide": 732,
    "focus": 91,
    "sky": 70,
    "fvc": 30,
    "fiberassign": 5,
    "guide-rois": 2,
    "coordinates": 1,
    "pm": 1,
}
"""How large DESI's own files typically are; ours are of the same proportions."""

_ALL: Final = sum(_MEGABYTES.values())

LEAST: Final = 400_000
"""Bytes of a science exposure's files that hold little more than headers; more is pixels and rows."""


class RawFile(NamedTuple):
    """A file of an exposure."""

    name: str
    """Its bare name."""
    content: Callable[[], Iterable[bytes]]
    """Makes its bytes, chunk by chunk; the same each time."""


def raw_files(exposure: TakenExposure, size: int, noise: Noise) -> list[RawFile]:
    """Return the files of an exposure, ascending by name, its checksums aside.

    Args:
        exposure: A marker has none, a calibration two, a science exposure with a tile twelve.
        size: Bytes of a science exposure's files, about, from `LEAST` on; a calibration takes a third of it,
            as at DESI.
        noise: Where the pixels come from.
    """
    if exposure.kind == "marker":
        return []
    number = f"{exposure.expid:08d}"
    spare = max(0, size - LEAST)
    share = {name: spare * megabytes // _ALL for name, megabytes in _MEGABYTES.items()}
    files = [
        RawFile(f"desi-{number}.fits.fz", partial(images.spectrographs, exposure, share["desi"], noise)),
        RawFile(f"request-{number}.json", partial(documents.request, exposure)),
    ]
    if exposure.kind == "science":
        files += _science_files(exposure, number, share, noise)
    return sorted(files)


def _science_files(exposure: TakenExposure, number: str, share: dict[str, int], noise: Noise) -> list[RawFile]:
    files = [
        RawFile(f"guide-{number}.fits.fz", partial(images.guide, exposure, share["guide"], noise)),
        RawFile(f"guide-rois-{number}.fits.fz", partial(images.guide_rois, exposure, share["guide-rois"], noise)),
        RawFile(f"sky-{number}.fits.fz", partial(images.sky, exposure, share["sky"], noise)),
        RawFile(f"focus-{number}.fits.fz", partial(images.focus, exposure, share["focus"], noise)),
        RawFile(f"fvc-{number}.fits.fz", partial(images.fvc, exposure, share["fvc"], noise)),
        RawFile(f"coordinates-{number}.fits", partial(tables.coordinates, exposure, share["coordinates"], noise.seed)),
        RawFile(f"pm-{number}.fits", partial(tables.platemaker, exposure, share["pm"], noise.seed)),
        RawFile(f"etc-{number}.json", partial(documents.etc, exposure, noise.seed)),
        RawFile(f"centroids-{number}.json", partial(documents.centroids, exposure, noise.seed)),
    ]
    if exposure.tile_id is not None and exposure.tile_id >= 0:
        name = f"fiberassign-{exposure.tile_id:06d}.fits.gz"
        files.append(RawFile(name, partial(tables.fiberassign, exposure, share["fiberassign"], noise.seed)))
    return files
