"""How the files of several exposures lie in one destination."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exposure_schemas import Exposure

FLAT: Final = "flat"
DESI: Final = "desi"


def desi_folder(dest: Path, exposure: Exposure) -> Path:
    """Return where DESI's own readers look for an exposure's files: ``DEST/NIGHT/EXPID``, the number in eight digits.

    Source: https://desidatamodel.readthedocs.io (DESI_SPECTRO_DATA/NIGHT/EXPID).
    """
    return dest / str(exposure.night) / f"{exposure.expid:08d}"


LAYOUTS: Final[Mapping[str, Callable[[Path, Exposure], Path]]] = MappingProxyType(
    {FLAT: lambda dest, _exposure: dest, DESI: desi_folder}
)
"""From a destination and an exposure to the folder of its files; ``flat`` puts all into one."""
