"""The files of images: spectrographs, guiders, sky monitors, focus cameras, fiber view camera."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Final

import numpy as np

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw.cards import all_cards, card, short_cards
from exposure_emulator.raw.hdus import Columns, image_hdu, primary_hdu, table_hdu
from exposure_emulator.raw.noise import Noise

CCDS: Final = tuple(f"{arm}{spectrograph}" for spectrograph in range(10) for arm in "BRZ")
"""The spectrographs' CCDs: three arms of each of ten."""

GUIDERS: Final = tuple(f"GUIDE{camera}" for camera in (5, 3, 2, 7, 8, 0))
FOCUS_CAMERAS: Final = tuple(f"FOCUS{camera}" for camera in (4, 1, 9, 6))
SKY_CAMERAS: Final = ("SKYCAM1", "SKYCAM0")

_WIDTHS: Final = (32, 4096)
"""The narrowest and the widest image, pixels; a CCD of DESI has about 4,100."""

_FEWEST_ROWS: Final = 8


def spectrographs(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``desi-EXPID.fits.fz``: the main header (also in SPEC), an image for each CCD, and telemetry."""
    cards = all_cards(exposure)
    yield primary_hdu(cards)
    yield from _image("SPEC", exposure, 0, noise, place=len(CCDS), cards=cards)
    short = short_cards(exposure)
    for place, ccd in enumerate(CCDS):
        own = short + card("CAMERA", ccd)
        yield from _image(ccd, exposure, size // len(CCDS), noise, place=place, cards=own)
    yield table_hdu("SPECTCONS", _telemetry(exposure, noise.seed))


def guide(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``guide-EXPID.fits.fz``."""
    yield primary_hdu(all_cards(exposure), "GUIDER")
    yield from _cubes(GUIDERS, 4, exposure, size, noise)


def guide_rois(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``guide-rois-EXPID.fits.fz``: the surroundings of a guide star in each guider."""
    yield primary_hdu(all_cards(exposure), "GUIDER")
    for place, camera in enumerate(GUIDERS):
        yield from _image(f"{camera}_0", exposure, size // len(GUIDERS), noise, place=place, frames=4)


def sky(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``sky-EXPID.fits.fz``."""
    yield primary_hdu(all_cards(exposure), "SKY")
    yield from _cubes(SKY_CAMERAS, 2, exposure, size, noise)


def focus(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``focus-EXPID.fits.fz``."""
    yield primary_hdu(all_cards(exposure), "FOCUS")
    yield from _cubes(FOCUS_CAMERAS, 2, exposure, size, noise)


def fvc(exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield ``fvc-EXPID.fits.fz``."""
    yield primary_hdu(all_cards(exposure), "FVC")
    yield from _image("F0000", exposure, size, noise)


def _cubes(cameras: Sequence[str], frames: int, exposure: TakenExposure, size: int, noise: Noise) -> Iterator[bytes]:
    """Yield a cube of frames for each camera, and the table that says when each frame was taken."""
    for place, camera in enumerate(cameras):
        yield from _image(camera, exposure, size // len(cameras), noise, place=place, frames=frames)
        yield table_hdu(f"{camera}T", _frame_times(exposure, frames))


def _image(
    name: str,
    exposure: TakenExposure,
    size: int,
    noise: Noise,
    *,
    place: int = 0,
    frames: int = 0,
    cards: bytes | None = None,
) -> Iterator[bytes]:
    rows, width = _rows_and_width(size, noise)
    shape = (frames, max(1, rows // frames), width) if frames else (rows, width)
    first = exposure.expid * (len(CCDS) + 1) + place  # no two images of an exposure and the next one are alike
    return image_hdu(name, shape, short_cards(exposure) if cards is None else cards, noise, first)


def _rows_and_width(size: int, noise: Noise) -> tuple[int, int]:
    """Return rows and columns of a squarish image that takes about so many bytes."""
    narrowest, widest = _WIDTHS
    width = min(widest, max(narrowest, 2 ** round(math.log2(max(1, size)) / 2)))
    return max(_FEWEST_ROWS, int(size / noise.tiles(width).bytes_a_row)), width


def _frame_times(exposure: TakenExposure, frames: int) -> Columns:
    seconds = (exposure.exptime or 0.0) / frames
    begins = (
        [(exposure.date + timedelta(seconds=seconds * frame)).astimezone(UTC) for frame in range(frames)]
        if exposure.date
        else []
    )
    texts = [moment.replace(tzinfo=None).isoformat(timespec="microseconds") for moment in begins] or [""] * frames
    return {"DATE-OBS": np.array(texts, dtype="S26"), "EXPTIME": np.full(frames, seconds)}


def _telemetry(exposure: TakenExposure, seed: int) -> Columns:
    random = np.random.default_rng([seed, exposure.expid])
    spectrographs = np.arange(10, dtype=np.int32)
    return {
        "SPECTROGRAPH": spectrographs,
        "NIRTEMP": np.round(random.normal(140.0, 0.1, 10), 2),
        "REDTEMP": np.round(random.normal(140.0, 0.1, 10), 2),
        "BLUTEMP": np.round(random.normal(163.0, 0.1, 10), 2),
    }
