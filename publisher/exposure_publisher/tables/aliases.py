"""Which column of a table is which of the exposureDB's: the names that DESI's own tables and headers use.

Case, ``-``, ``_`` and spaces do not count: ``MJD-OBS``, ``mjd_obs`` and ``MJDOBS`` are one name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from exposure_publisher.tables import values

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "expid": ("expid", "id", "expnum", "exposure"),
    "skyra": ("skyra", "telra", "targtra", "tilera", "ra", "reqra"),
    "skydec": ("skydec", "teldec", "targtdec", "tiledec", "dec", "reqdec"),
    "exptime": ("exptime",),
    # For science, PROGRAM and FAPRGRM agree; for a calibration only PROGRAM says anything ("calib short arcs all").
    "program": ("program", "faprgrm", "faprogram"),
    "tile_id": ("tileid", "tile"),
    # FLAVOR is lower-case everywhere, OBSTYPE is SCIENCE in raw headers. FAFLAVOR is another thing ("maindark").
    "exptype": ("exptype", "flavor", "obstype"),
    "date": ("date", "dateobs", "mjdobs", "mjd"),
    "night": ("night",),
    "seeing": ("seeing", "seeingetc", "seeinggfa", "gfafwhmasec"),
    "airmass": ("airmass", "airmassgfa", "gfaairmass"),
    "transparency": ("transparency", "transpar", "transparencygfa", "gfatransparency"),
    "skylevel": ("skylevel", "skymagabgfa", "gfaskymagab"),
    # TSNR2_* is no signal to noise of the exposure but a squared one of a class of targets.
    "s2n": ("s2n", "snr"),
    "data_written": ("datawritten", "saved"),
    "data_location": ("datalocation",),
}
"""Key and the names it goes by. Where a table has several, the first that says anything in a row is taken."""

_CONVERTERS: Final[dict[str, Callable[[str], Any]]] = {
    "expid": values.expid,
    "skyra": values.number,
    "skydec": values.number,
    "exptime": values.number,
    "program": values.text,
    "tile_id": values.whole_number,
    "exptype": values.text,
    "date": values.iso_moment,
    "mjdobs": values.mjd_moment,
    "mjd": values.mjd_moment,
    "night": values.night,
    "seeing": values.number_not_zero,
    "airmass": values.number_not_zero,
    "transparency": values.number_not_zero,
    "skylevel": values.number_not_zero,
    "s2n": values.number,
    "data_written": values.flag,
    "data_location": values.text,
}
"""How a key's text becomes a value; an alias of its own goes before its key."""


class Source(NamedTuple):
    """A column of the table that one key is read from."""

    place: int
    """Place among the columns, from 0."""
    name: str
    """Its name, as the table has it."""
    convert: Callable[[str], Any]
    """Text to value; None where the text stands for none, ValueError where it is wrong."""


def sources_of(header: Sequence[str]) -> dict[str, tuple[Source, ...]]:
    """Return each key that a table speaks of with its columns, the one to be preferred first.

    Args:
        header: The names of the table's columns.
    """
    columns = [(plain(name), place, name) for place, name in enumerate(header)]
    found = {
        key: tuple(
            Source(place, name, _CONVERTERS.get(alias) or _CONVERTERS[key])
            for alias in aliases
            for plain_name, place, name in columns
            if plain_name == alias
        )
        for key, aliases in ALIASES.items()
    }
    return {key: sources for key, sources in found.items() if sources}


def plain(name: str) -> str:
    """Return a column's name without what does not count."""
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")
