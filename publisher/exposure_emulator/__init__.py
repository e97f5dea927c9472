"""An ICS for those who have none: plays a real night, or a made-up one, through the exposureDB and onto the disk.

    with ExposureDB(url) as db:
        play_night(read_night("20230913"), db, Path("/tmp/raw"), speed=60)

What is named here is imported when it is used: the command's ``--help`` does without astropy and SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from exposure_emulator.errors import EmulatorError, NoSuchNight
    from exposure_emulator.exposure import TakenExposure
    from exposure_emulator.nights import installed_nights, read_night, read_table
    from exposure_emulator.player import NightPlayed, NightPlayer, Played, play_night
    from exposure_emulator.synthetic import synthetic_night

__all__ = [
    "EmulatorError",
    "NightPlayed",
    "NightPlayer",
    "NoSuchNight",
    "Played",
    "TakenExposure",
    "installed_nights",
    "play_night",
    "read_night",
    "read_table",
    "synthetic_night",
]

_HOMES: Final = {
    "errors": ("EmulatorError", "NoSuchNight"),
    "exposure": ("TakenExposure",),
    "nights": ("installed_nights", "read_night", "read_table"),
    "player": ("NightPlayed", "NightPlayer", "Played", "play_night"),
    "synthetic": ("synthetic_night",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
