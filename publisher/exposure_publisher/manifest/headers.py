"""Whether FITS headers say the same night and exposure number as the exposureDB."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from exposure_bus.errors import BusError

_COLUMNS: Final = {"NIGHT": "night", "EXPID": "expid"}
"""Keyword of DESI's raw data model, and the column that has to agree."""

_FITS: Final = (".fits", ".fits.fz", ".fits.gz")
_HEADERS: Final = 2
"""The primary one and the first extension's: what is compressed (``.fz``) has its keywords there."""


def require_astropy() -> None:
    """See that headers can be read, and load what reads them.

    Raises:
        BusError: astropy is not installed.
    """
    try:
        import astropy.io.fits  # noqa: F401, PLC0415 (an extra, and slow to load)
    except ModuleNotFoundError as error:
        raise BusError("--check-headers needs astropy: pip install 'exposure-bus[headers]'") from error


def is_fits(name: str) -> bool:
    """Return whether a file of this name has FITS headers."""
    return name.endswith(_FITS)


def odd_headers(path: Path, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is odd about a file's headers, each a sentence without its file.

    Args:
        path: A FITS file. Keywords that it does not have are not missed.
        row: The exposure's columns.
    """
    try:
        found = _read(path)
    except Exception as error:  # noqa: BLE001 (a file of any content: whatever its reader trips over is reported)
        yield f"its header cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        return
    for keyword, value in found.items():
        expected = row[_COLUMNS[keyword]]
        if not _agrees(value, expected):
            yield f"its header has {keyword} = {value!r}, the exposureDB {expected!r}"


def _read(path: Path) -> dict[str, Any]:
    """Return the keywords that are there; the primary header's come first."""
    from astropy.io import fits  # noqa: PLC0415 (an extra, and slow to load)

    found: dict[str, Any] = {}
    with (
        path.open("rb") as file,  # a name would stay open where the reader gives up
        fits.open(file, memmap=False, lazy_load_hdus=True, disable_image_compression=True) as units,
    ):
        for unit in islice(units, _HEADERS):
            found = {key: unit.header[key] for key in _COLUMNS if key in unit.header} | found
            if len(found) == len(_COLUMNS):
                break
    return found


def _agrees(value: Any, expected: Any) -> bool:
    try:
        return bool(int(value) == expected)  # some write numbers as text
    except (TypeError, ValueError, OverflowError):
        return False
