"""File classes: which file of an exposure is what, by its exact name.

Names are those of DESI's raw data model, https://desidatamodel.readthedocs.io (DESI_SPECTRO_DATA/NIGHT/EXPID).
Stray ``.orig``, ``.part`` and old copies lie about in real directories, so a name matches whole or not at all.
"""

import re
from collections.abc import Iterable
from typing import Final

from exposure_schemas.errors import InvalidValue

ALL: Final = "all"
"""Stands for every class where a class is asked for."""

_EXPID: Final = r"(?P<expid>\d{8,})"
_FITS: Final = r"\.fits(\.fz|\.gz)?"

FILE_CLASSES: Final[dict[str, re.Pattern[str]]] = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "spectro": rf"desi-{_EXPID}{_FITS}",
        "fibermap": rf"(fibermap-{_EXPID}|fiberassign-\d{{6}}){_FITS}",
        "guider": rf"guide(-rois)?-{_EXPID}{_FITS}",
        "sky": rf"sky-{_EXPID}{_FITS}",
        "fvc": rf"fvc-{_EXPID}{_FITS}",
        "focus": rf"focus-{_EXPID}{_FITS}",
        "gfa": rf"gfa-{_EXPID}{_FITS}",
        "etc": rf"etc-{_EXPID}\.json",
        "coordinates": rf"coordinates-{_EXPID}{_FITS}",
        "pm": rf"pm-{_EXPID}{_FITS}",
        "centroids": rf"centroids-{_EXPID}\.json",
        "request": rf"request-{_EXPID}\.json",
        "manifest": rf"manifest_{_EXPID}\.json",
        "checksum": rf"checksum-(\d{{8}}-)?{_EXPID}\.sha256sum",
    }.items()
}
"""Class and the whole name of its files: both eras of fibermap, both names of the checksum file."""

SYNONYMS: Final = {"desi": "spectro"}
"""Names that QLF used before."""


def file_class_of(name: str, expid: int) -> str | None:
    """Return the class of a file of an exposure, or None.

    Args:
        name: The bare file name.
        expid: The exposure it lies with; a name that carries another exposure's number has no class here.
    """
    for file_class, pattern in FILE_CLASSES.items():
        match = pattern.fullmatch(name)
        if match:
            number = match.groupdict().get("expid")
            return file_class if number is None or number == f"{expid:08d}" else None
    return None


def classes_asked(file_class: str | Iterable[str]) -> frozenset[str]:
    """Return the classes that one name, several, or ``"all"`` stand for.

    Raises:
        InvalidValue: A name is no class, or none is given.
    """
    asked = list(file_class) if isinstance(file_class, Iterable) and not isinstance(file_class, str) else [file_class]
    known = (*FILE_CLASSES, *SYNONYMS, ALL)
    unknown = [repr(name) for name in asked if name not in known]
    if unknown or not asked:
        raise InvalidValue(f"unknown file class {', '.join(unknown) or '(none given)'}: known are {', '.join(known)}")
    return frozenset(FILE_CLASSES) if ALL in asked else frozenset(SYNONYMS.get(name, name) for name in asked)
