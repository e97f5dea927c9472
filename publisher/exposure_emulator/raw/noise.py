"""Noise as a CCD's readout has it, compressed once and shared by all images."""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

ROWS: Final = 64
"""Different rows there are of each width; an image begins with any of them, and they repeat."""

_BIAS: Final = 1000.0
"""Level of an unexposed pixel, counts."""

_SPREAD: Final = 20.0
"""Standard deviation, counts: about 7 bits a pixel after compression."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles:
    """Rows of noise of one width, each compressed by itself (RICE_1), as FITS tiles have it."""

    lengths: npt.NDArray[np.int64]
    """Bytes of each compressed row."""
    heap: bytes
    """All rows, one after the other."""
    headers: dict[int, fits.Header]
    """Header of the table that holds such an image, by its number of axes (2 or 3)."""

    def lengths_from(self, first: int, rows: int) -> npt.NDArray[np.int64]:
        """Return the bytes of each of so many rows that begin with one of them."""
        return np.resize(np.roll(self.lengths, -first % ROWS), rows)

    def heap_from(self, first: int) -> bytes:
        """Return all rows once, beginning with one of them."""
        begin = int(self.lengths[: first % ROWS].sum())
        return self.heap[begin:] + self.heap[:begin]

    def header(self, axes: int) -> fits.Header:
        """Return the header for an image of so many axes."""
        return self.headers[axes]

    @cached_property
    def bytes_a_row(self) -> float:
        """Bytes that a row takes on average, with its 8 bytes of descriptor."""
        return float(self.lengths.mean()) + 8


class Noise:
    """Noise by width.

    Args:
        seed: The same seed gives the same noise.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._tiles: dict[int, Tiles] = {}

    def tiles(self, width: int) -> Tiles:
        """Return the rows of a width in pixels."""
        if width not in self._tiles:
            self._tiles[width] = self._compress(width)
        return self._tiles[width]

    def _compress(self, width: int) -> Tiles:
        random = np.random.default_rng([self.seed, width])
        pixels = random.normal(_BIAS, _SPREAD, (ROWS, width)).astype(np.uint16)
        header, rows = _compressed(pixels)
        cube_header, _ = _compressed(pixels[np.newaxis])
        lengths = np.array([len(row) for row in rows])
        return Tiles(lengths=lengths, heap=b"".join(rows), headers={2: header, 3: cube_header})


def _compressed(pixels: npt.NDArray[np.uint16]) -> tuple[fits.Header, list[bytes]]:
    """Return the header that astropy writes for a compressed image, and its compressed rows."""
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels, compression_type="RICE_1")]).writeto(file)
    with fits.open(io.BytesIO(file.getvalue()), disable_image_compression=True) as hdus:
        header = hdus[1].header.copy()
        del header["EXTNAME"]  # each image brings its own
        return header, [row.tobytes() for row in hdus[1].data["COMPRESSED_DATA"]]
