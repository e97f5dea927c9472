"""From a database's row to an exposure.

Databases hold what no message may carry: text where SQLite was told a number, NaN. Such a value is announced as None
and said in the log: one bad value must not keep an exposure from those who wait for it.
"""

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from exposure_publisher.errors import InvalidExposure
from exposure_publisher.exposuredb.table import COLUMNS, as_moment
from exposure_publisher.manifest.listed import Listed
from exposure_publisher.manifest.stamp import Stamp
from exposure_schemas import Exposure, Manifest
from exposure_schemas.exposure import Finite

COLUMN_LIST: Final = ", ".join(f"e.{column}" for column in COLUMNS)
"""The exposure's columns for a SELECT, with the table called ``e``."""

TIMED_COLUMN_LIST: Final = COLUMN_LIST.replace("e.data_written_at", "coalesce(e.data_written_at, l.numbered_at)")
"""Likewise, with the ledger called ``l``: a row of somebody else's may not know when it changed, but we do."""

log = logging.getLogger(__name__)

_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Exposure)}
_NO_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTEAD: Final = {"data_written": False, "data_written_at": _NO_MOMENT}
"""What stands for a bad value where an exposure cannot have none: nobody is sent for data that may not be there."""
_MOMENTS: Final = ("date", "data_written_at")
_LONGEST: Final = 100_000
"""Characters of a text that is announced: longer ones would make a message that the broker or followers refuse."""

_TEXTS: Final = ("program", "exptype", "data_location")
_WHOLE: Final = ("tile_id", "night")
_FLOATS_OF: Final = attrgetter(*(name for name, kind in _TYPES.items() if kind == Finite | None))
_MANIFEST: Final = msgspec.json.Decoder(Manifest)
_STAMPS: Final = msgspec.json.Decoder(dict[str, Stamp])


def exposure_of(row: Mapping[str, Any], sequence: int, files: Manifest | None) -> Exposure:
    """Return a validated exposure; a value that it cannot have becomes None, with a line in the log.

    Raises:
        InvalidExposure: The night itself cannot be read.
    """
    try:
        return _as_it_is(row, sequence, files)
    except (ValueError, TypeError):  # msgspec's ValidationError is a ValueError
        values = {name: _mended(row["expid"], name, value) for name, value in row.items()}
    try:
        return msgspec.convert(values | {"sequence": sequence, "files": files}, Exposure)
    except msgspec.ValidationError as error:
        raise InvalidExposure(f"exposure {row['expid']} cannot be announced: {error}") from error


def files_of(text: str | None) -> Manifest | None:
    """Read a manifest as the ledger keeps it."""
    return None if text is None else _MANIFEST.decode(text)


def listed_of(files: str | None, stamps: str | None) -> Listed | None:
    """Read a manifest as the ledger keeps it, with what its files were when they were hashed."""
    manifest = files_of(files)
    return None if manifest is None else Listed(manifest, _STAMPS.decode(stamps) if stamps else {})


def listed_texts(listed: Listed | None) -> tuple[str | None, str | None]:
    """Write a manifest as the ledger keeps it: its files, and what those that were hashed were then."""
    if listed is None:
        return None, None
    stamps = msgspec.json.encode(listed.stamps).decode() if listed.stamps else None
    return msgspec.json.encode(listed.files).decode(), stamps


def _as_it_is(row: Mapping[str, Any], sequence: int, files: Manifest | None) -> Exposure:
    """Read a row of good values, which nearly all are: healing reads 300,000 of them; raise ValueError at a bad one."""
    values = {**row, "sequence": sequence, "files": files}
    values["date"], values["data_written_at"] = as_moment(values["date"]), as_moment(values["data_written_at"])
    if values["data_written"] in (0, 1):  # SQLite has no booleans
        values["data_written"] = values["data_written"] == 1
    exposure = msgspec.convert(values, Exposure)
    total = sum(filter(None, _FLOATS_OF(exposure)))
    if total != total:  # noqa: PLR0124 (true of NaN alone, which makes every sum one)
        raise ValueError("NaN is no number")
    if len(f"{exposure.program}{exposure.exptype}{exposure.data_location}") > _LONGEST:
        raise ValueError("a text may be too long")
    return exposure


def _value(name: str, value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if name in _MOMENTS:
        return as_moment(value)
    if name in _WHOLE and isinstance(value, float) and value.is_integer():
        return int(value)  # PostgreSQL's numeric, a REAL column of SQLite's
    return bool(value) if name == "data_written" and value in (0, 1) else value  # SQLite has no booleans


def _refuse_what_is_too_long(name: str, value: Any) -> None:
    if name in _TEXTS and isinstance(value, str) and len(value) > _LONGEST:
        raise ValueError(f"at most {_LONGEST} characters are announced, these are {len(value)}")


def _mended(expid: int, name: str, value: Any) -> Any:
    try:
        _refuse_what_is_too_long(name, value)
        return msgspec.convert(_value(name, value), _TYPES[name])
    except (ValueError, TypeError) as error:
        log.error(  # noqa: TRY400 (no crash)
            "exposure %s: %s is %.200r, announced as %s: %s", expid, name, value, _INSTEAD.get(name), error
        )
        return _INSTEAD.get(name)
