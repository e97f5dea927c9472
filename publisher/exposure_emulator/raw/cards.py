"""Header cards: what the FITS headers say about an exposure."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from astropy.io.fits import Card

from exposure_emulator.exposure import TakenExposure
from exposure_publisher.tables.times import MJD_ZERO

_OBSERVATORY: Final = {
    "INSTRUME": "DESI",
    "TELESCOP": "KPNO 4.0-m telescope",
    "OBSERVAT": "KPNO",
    "TIMESYS": "UTC",
    "ORIGIN": "exposure-bus emulator",
}


def all_cards(exposure: TakenExposure) -> bytes:
    """Return the cards of an exposure's main header, 80 bytes each."""
    values = _short(exposure) | {
        "FLAVOR": _exptype(exposure).lower() or None,
        "TILEID": exposure.tile_id,
        "MJD-OBS": _mjd(exposure.date),
        "PROGRAM": exposure.program,
        "SKYRA": exposure.skyra,
        "SKYDEC": exposure.skydec,
        "AIRMASS": exposure.airmass,
        "SEEING": exposure.seeing,
        "TRANSPAR": exposure.transparency,
        "SKYLEVEL": exposure.skylevel,
        **_OBSERVATORY,
    }
    return b"".join(card(keyword, value) for keyword, value in values.items())


def short_cards(exposure: TakenExposure) -> bytes:
    """Return the cards of every image's header: so few that it stays one block of 2880 bytes."""
    return b"".join(card(keyword, value) for keyword, value in _short(exposure).items())


def tile_cards(exposure: TakenExposure) -> bytes:
    """Return the cards of a tile's own file, which is the same for each of its exposures."""
    values = {"TILEID": exposure.tile_id, "TILERA": exposure.skyra, "TILEDEC": exposure.skydec}
    return b"".join(card(keyword, value) for keyword, value in values.items())


@lru_cache(maxsize=4096, typed=True)
def card(keyword: str, value: Any) -> bytes:
    """Return one card; None is a keyword without a value, as in DESI's own headers."""
    text = _ascii(value) if isinstance(value, str) else value
    return str(Card(keyword, text)).encode("ascii")


def _short(exposure: TakenExposure) -> dict[str, Any]:
    return {
        "EXPID": exposure.expid,
        "NIGHT": exposure.night,
        "OBSTYPE": _exptype(exposure).upper() or None,
        "EXPTIME": exposure.exptime,
        "DATE-OBS": exposure.date and exposure.date.astimezone(UTC).replace(tzinfo=None).isoformat(),
    }


def _exptype(exposure: TakenExposure) -> str:
    return exposure.exptype or ("science" if exposure.kind == "science" else "")


def _mjd(moment: datetime | None) -> float | None:
    return None if moment is None else round((moment - MJD_ZERO).total_seconds() / 86400, 9)


def _ascii(text: str) -> str:
    """FITS headers hold printable ASCII alone."""
    escaped = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(letter if letter.isprintable() else "?" for letter in escaped)
