"""The files of tables: fiber assignment, coordinates, PlateMaker's guide stars."""

import gzip
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw.cards import all_cards, tile_cards
from exposure_emulator.raw.hdus import Columns, primary_hdu, table_hdu
from exposure_emulator.raw.images import GUIDERS

FIBERS: Final = 5000
"""Fibers of DESI, 500 on each of ten petals."""

_FEWEST: Final = 100
_FEWEST_STARS: Final = 30
_FIELD: Final = 1.6
"""Radius of the field of view, degrees."""


def fiberassign(exposure: TakenExposure, size: int, seed: int) -> Iterator[bytes]:
    """Yield ``fiberassign-TILEID.fits.gz``: which fiber looks at which target; the same for all exposures of a tile."""
    random = np.random.default_rng([seed, exposure.tile_id or 0])
    columns = _targets(exposure, random, _rows(size, bytes_a_row=30))
    content = primary_hdu(tile_cards(exposure)) + table_hdu("FIBERASSIGN", columns)
    yield gzip.compress(content, compresslevel=1, mtime=0)


def coordinates(exposure: TakenExposure, size: int, seed: int) -> Iterator[bytes]:
    """Yield ``coordinates-EXPID.fits``: where each fiber was asked to be, and where the camera saw it."""
    random = np.random.default_rng([seed, exposure.expid])
    rows = _rows(size, bytes_a_row=40)
    asked = random.uniform(-400.0, 400.0, (2, rows))
    seen = asked + random.normal(0.0, 0.005, (2, rows))
    columns = _places(rows) | {"FA_X": asked[0], "FA_Y": asked[1], "FVC_X_1": seen[0], "FVC_Y_1": seen[1]}
    yield primary_hdu(all_cards(exposure), "COORDS")
    yield table_hdu("DATA", columns)


def platemaker(exposure: TakenExposure, size: int, seed: int) -> Iterator[bytes]:
    """Yield ``pm-EXPID.fits``: the stars to guide on."""
    random = np.random.default_rng([seed, exposure.expid, 1])
    rows = max(_FEWEST_STARS, size // 50)
    ra, dec = _sky_places(exposure, random, rows)
    columns = {
        "GFA_LOC": np.resize(np.array(GUIDERS, dtype="S6"), rows),
        "RA": ra,
        "DEC": dec,
        "ROW": random.uniform(0.0, 1032.0, rows),
        "COL": random.uniform(0.0, 2048.0, rows),
        "MAG": np.round(random.uniform(13.0, 18.0, rows), 3),
    }
    yield primary_hdu(all_cards(exposure), "PM")
    yield table_hdu("PMGSTARS", columns)


def _targets(exposure: TakenExposure, random: np.random.Generator, rows: int) -> Columns:
    ra, dec = _sky_places(exposure, random, rows)
    return {
        "TARGETID": random.integers(2**52, 2**55, rows),
        **_places(rows),
        "FIBER": np.arange(rows, dtype=np.int32),
        "TARGET_RA": ra,
        "TARGET_DEC": dec,
    }


def _sky_places(
    exposure: TakenExposure, random: np.random.Generator, rows: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return right ascensions and declinations, evenly over the field of view."""
    radius, angle = _FIELD * np.sqrt(random.random(rows)), 2 * np.pi * random.random(rows)
    dec = np.clip((exposure.skydec or 0.0) + radius * np.cos(angle), -90.0, 90.0)
    stretch = np.maximum(np.cos(np.radians(dec)), 1e-3)
    return ((exposure.skyra or 0.0) + radius * np.sin(angle) / stretch) % 360.0, dec


def _places(rows: int) -> dict[str, npt.NDArray[np.int32]]:
    numbers = np.arange(rows, dtype=np.int32)
    return {"PETAL_LOC": numbers * 10 // rows, "DEVICE_LOC": numbers % max(1, rows // 10)}


def _rows(size: int, bytes_a_row: int) -> int:
    """Return how many fibers an instrument of this size has."""
    return min(FIBERS, max(_FEWEST, size // bytes_a_row))
