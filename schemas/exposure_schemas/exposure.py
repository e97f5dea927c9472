"""One exposure, as it crosses the bus and as the exposureDB and the cache hold it."""

import sys
from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from exposure_schemas.manifest import Manifest
from exposure_schemas.moment import Moment, put_in_utc

Expid = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An exposure number; other observatories go beyond 32 bits."""

Night = Annotated[int, Meta(ge=1900_01_01, le=9999_12_31)]
"""YYYYMMDD of the evening: it rolls over at local noon."""

Sequence = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""A number of the ledger; the first is 1 and none is left out."""

TileId = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A tile's number; any that a database can hold."""

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that JSON has a word for: neither NaN nor infinite. What is not known is None."""


class Exposure(Struct, frozen=True, kw_only=True):
    """The state of one exposure under one sequence number.

    The first sixteen fields are the exposureDB's, in its order, and are what QLF reads.
    """

    expid: Expid
    """Exposure number."""
    skyra: Finite | None = None
    """Right ascension of the pointing, degrees, ICRS."""
    skydec: Finite | None = None
    """Declination of the pointing, degrees, ICRS."""
    exptime: Finite | None = None
    """Exposure time, seconds."""
    program: str | None = None
    """dark, grey, bright, …; free text for calibrations."""
    tile_id: TileId | None = None
    """Number of the tile; None for calibrations."""
    exptype: str | None = None
    """science, zero, dark, flat, arc, …"""
    date: Moment | None = None
    """Start of the exposure, UTC."""
    night: Night
    """Night, YYYYMMDD."""
    seeing: Finite | None = None
    """Seeing, arcsec (FWHM)."""
    airmass: Finite | None = None
    """Airmass."""
    transparency: Finite | None = None
    """Transparency of the sky, 1 is photometric."""
    skylevel: Finite | None = None
    """Sky brightness, mag/arcsec²."""
    s2n: Finite | None = None
    """Signal to noise."""
    data_written: bool = False
    """True once all files of the exposure are on disk."""
    data_location: str | None = None
    """Where they are, as the ICS names it."""
    data_written_at: Moment
    """When data_written was updated; while it is False, when the row last changed; UTC."""
    sequence: Sequence
    """The ledger's number of this state."""
    files: Manifest | None = None
    """The manifest; empty if the exposure has no file, None if nobody listed them."""

    def __post_init__(self) -> None:
        # Runs for each exposure that is read, 500 a message: so the common case costs two looks and one search.
        date = self.date
        if self.data_written_at.tzinfo is not UTC or (date is not None and date.tzinfo is not UTC):
            put_in_utc(self, "date", "data_written_at")
        if "\0" in f"{self.program}{self.exptype}{self.data_location}":
            _drop_nul(self, "program", "exptype", "data_location")


def _drop_nul(exposure: Exposure, *fields: str) -> None:
    """Take NUL out of texts: PostgreSQL cannot hold it, and an exposure is worth more than one character."""
    for field in fields:
        text = getattr(exposure, field)
        if text is not None:
            force_setattr(exposure, field, text.replace("\0", ""))


SUMMARY_KEYS: Final = Exposure.__struct_fields__[:16]
"""The sixteen keys of an exposure summary, in the exposureDB's order."""


def summary_of(exposure: Exposure | Mapping[str, Any]) -> dict[str, Any]:
    """Return the sixteen summary keys of an exposure as a plain dict."""
    if isinstance(exposure, Exposure):
        return {key: getattr(exposure, key) for key in SUMMARY_KEYS}
    return {key: exposure[key] for key in SUMMARY_KEYS}


__all__ = ["SUMMARY_KEYS", "Expid", "Exposure", "Finite", "Moment", "Night", "Sequence", "TileId", "summary_of"]
