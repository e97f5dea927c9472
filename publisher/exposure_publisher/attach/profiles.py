"""Mappings that are known by name, and what the settings lay on them."""

from typing import Final

from exposure_bus.errors import UsageError
from exposure_bus.settings import TableSettings
from exposure_publisher.attach.mapping import Mapping

_NO_NUMBER: Final = (-99, -999, -9999)
_NO_TEXT: Final = ("",)

DESI: Final = Mapping(
    columns={
        "expid": "id",
        "skyra": "skyra",
        "skydec": "skydec",
        "exptime": "exptime",
        "program": "program",
        "tile_id": "tileid",
        "exptype": "coalesce(nullif(flavor, ''), lower(obstype))",
        "date": "date_obs",
        "night": "night",
        "seeing": "seeing",
        "airmass": "airmass",
        "transparency": "transpar",
        "skylevel": "skylevel",
        "s2n": "s2n",
        "data_written": "saved",
        "data_location": "data_location",
        "data_written_at": "saved_updated",
    },
    none={
        **dict.fromkeys(("skyra", "skydec", "exptime", "tile_id", "s2n"), _NO_NUMBER),
        **dict.fromkeys(("seeing", "airmass", "transparency", "skylevel"), (*_NO_NUMBER, 0)),  # never zero
        **dict.fromkeys(("program", "exptype", "data_location"), _NO_TEXT),
    },
    where="NOT coalesce(discard, false)",
)
"""DESI's own table ``exposure.exposure``."""

PROFILES: Final = {"desi": DESI}
"""Mappings by name."""


def mapping_of(settings: TableSettings, profile: str | None = None) -> Mapping:
    """Return the mapping that is asked for.

    Args:
        settings: What the settings file says; its columns go before the profile's.
        profile: Name of a profile; default: the settings'.

    Raises:
        UsageError: There is no such profile, or the mapping cannot be.
    """
    name = profile or settings.profile
    if name and name not in PROFILES:
        raise UsageError(f"there is no profile {name!r}; known are {', '.join(PROFILES)}")
    if not name and not settings.columns:
        raise UsageError("attach needs --profile, or a mapping under [attach.columns] in the settings file")
    known = PROFILES.get(name)
    where = (known.where if known else "") if settings.where is None else settings.where
    none = {key: tuple(values) for key, values in settings.none.items()}
    return Mapping(
        columns={**(known.columns if known else {}), **settings.columns},
        none={**(known.none if known else {}), **none},
        where=where,
    )
