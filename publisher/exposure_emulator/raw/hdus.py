"""Header and data units as bytes.

astropy lays out each form of header once and compresses each width of image once; an exposure's own cards are then put
behind them. Building every unit anew would take 15 ms, and a spectrograph exposure has thirty of them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from exposure_emulator.raw.cards import card
from exposure_emulator.raw.noise import Noise, Tiles

BLOCK: Final = 2880
"""FITS is made of blocks of so many bytes."""

_PCOUNT: Final = 5 * 80
"""Where a binary table's PCOUNT stands, by the FITS standard: after XTENSION, BITPIX, NAXIS, NAXIS1 and NAXIS2."""

_CHUNK: Final = 1 << 20

Columns = Mapping[str, npt.NDArray[Any]]
"""Name and values of each column of a table."""


def primary_hdu(cards: bytes, name: str | None = None) -> bytes:
    """Return a primary unit without data."""
    own = card("EXTNAME", name) if name else b""
    return _header(_primary_header() + own + cards)


def table_hdu(name: str, columns: Columns, cards: bytes = b"") -> bytes:
    """Return a binary table.

    Args:
        name: EXTNAME.
        columns: Its columns, all of the same length.
        cards: Further cards of the header.
    """
    layout = np.dtype([(key, values.dtype.newbyteorder(">")) for key, values in columns.items()])
    rows = np.empty(len(next(iter(columns.values()))), dtype=layout)
    for key, values in columns.items():
        rows[key] = values
    return _header(_table_header(layout, len(rows)) + card("EXTNAME", name) + cards) + _padded(rows.tobytes())


def image_hdu(name: str, shape: tuple[int, ...], cards: bytes, noise: Noise, first: int) -> Iterator[bytes]:
    """Yield a RICE-compressed image of noise, chunk by chunk.

    Args:
        name: EXTNAME.
        shape: Rows and columns, or frames, rows and columns.
        cards: Further cards of the header.
        noise: Where the rows come from; they repeat after some.
        first: The row of the noise to begin with, so that no two images need be alike.
    """
    rows = int(np.prod(shape[:-1]))
    tiles = noise.tiles(shape[-1])
    lengths = tiles.lengths_from(first, rows)
    size = int(lengths.sum())
    yield _header(_image_header(tiles, shape, rows, size) + card("EXTNAME", name) + cards)
    yield np.column_stack([lengths, np.cumsum(lengths) - lengths]).astype(">i4").tobytes()
    yield from _repeated(tiles.heap_from(first), size)
    yield b"\0" * (-(rows * 8 + size) % BLOCK)


def _repeated(content: bytes, size: int) -> Iterator[bytes]:
    """Yield content again and again until there are so many bytes."""
    if len(content) < _CHUNK < size:
        content *= _CHUNK // len(content)
    for begin in range(0, size, len(content)):
        yield content[: size - begin]


def _image_header(tiles: Tiles, shape: tuple[int, ...], rows: int, size: int) -> bytes:
    header = _image_layout(tiles, shape, rows)
    return header[:_PCOUNT] + card("PCOUNT", size) + header[_PCOUNT + 80 :]


@lru_cache(maxsize=256)
def _image_layout(tiles: Tiles, shape: tuple[int, ...], rows: int) -> bytes:
    header = tiles.header(len(shape)).copy()
    header["NAXIS2"] = rows
    for axis, length in enumerate(reversed(shape), start=1):
        header[f"ZNAXIS{axis}"] = length
    return _text(header)


@lru_cache(maxsize=1)
def _primary_header() -> bytes:
    return _text(fits.PrimaryHDU().header)


@lru_cache(maxsize=256)
def _table_header(layout: np.dtype[Any], rows: int) -> bytes:
    return _text(fits.BinTableHDU(np.zeros(rows, dtype=layout)).header)


def _text(header: fits.Header) -> bytes:
    return str(header.tostring(sep="", endcard=False, padding=False)).encode("ascii")


def _header(cards: bytes) -> bytes:
    text = cards + b"END".ljust(80)
    return text + b" " * (-len(text) % BLOCK)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % BLOCK)
