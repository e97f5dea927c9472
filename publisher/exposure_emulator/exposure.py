"""An exposure as ICS takes it: what is known at its start, what at its end, and what kind of files it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Kind = Literal["science", "calibration", "marker"]

MARKER_TYPE: Final = "other"
"""Type of the exposures that only mark the end of a calibration and have no file."""

_AT_START: Final = ("expid", "night", "date", "exptype", "program", "tile_id", "skyra", "skydec")
_AT_END: Final = ("exptime", "seeing", "airmass", "transparency", "skylevel", "s2n")


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenExposure:
    """One exposure of a night; the units are those of `exposure_schemas.Exposure`."""

    expid: int
    """Exposure number."""
    night: int
    """Night, YYYYMMDD."""
    date: datetime | None = None
    """Start, UTC."""
    exptime: float | None = None
    """How long the shutter was open, seconds."""
    exptype: str | None = None
    """science, zero, dark, flat, arc, …; `MARKER_TYPE` for an exposure without files."""
    program: str | None = None
    """dark, bright, …; free text for calibrations."""
    tile_id: int | None = None
    """Number of the tile; None for calibrations."""
    skyra: float | None = None
    """Right ascension, degrees."""
    skydec: float | None = None
    """Declination, degrees."""
    seeing: float | None = None
    """Seeing, arcsec."""
    airmass: float | None = None
    """Airmass."""
    transparency: float | None = None
    """Transparency of the sky."""
    skylevel: float | None = None
    """Sky brightness, mag/arcsec²."""
    s2n: float | None = None
    """Signal to noise."""
    data_written: bool = True
    """False if its files never came: it is taken, and stays pending."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "TakenExposure":
        """Make one out of a row of a table; where the files were on the real night does not matter here."""
        values = {key: value for key, value in row.items() if key != "data_location"}
        return cls(**values | {"data_written": row.get("data_written") is not False})

    @property
    def kind(self) -> Kind:
        """What files it leaves: a table without types holds science exposures, if they have a tile."""
        exptype = (self.exptype or "").lower()
        if exptype == MARKER_TYPE:
            return "marker"
        return "science" if exptype == "science" or (not exptype and self.tile_id is not None) else "calibration"

    def known_at_start(self) -> dict[str, Any]:
        """Return what ICS writes down when the shutter opens.

        No table says what exposure time was requested; the whole seconds of the actual one stand for it.
        """
        requested = None if self.exptime is None else float(round(self.exptime))
        return {key: getattr(self, key) for key in _AT_START} | {"exptime": requested}

    def known_at_end(self) -> dict[str, Any]:
        """Return what ICS writes down after the readout."""
        return {"expid": self.expid} | {key: getattr(self, key) for key in _AT_END}

    def in_full(self) -> dict[str, Any]:
        """Return all that is known of it in the end, where its files are aside."""
        return self.known_at_start() | self.known_at_end() | {"data_written": self.data_written}
