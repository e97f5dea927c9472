"""Reading exposures out of the cache."""

from typing import Any, Final

import msgspec

from exposure_schemas import SUMMARY_KEYS, Exposure, Manifest
from exposure_subscriber.cache.database import CacheDatabase, Row
from exposure_subscriber.cache.moments import to_moment
from exposure_subscriber.cache.schema import COLUMNS

SUMMARY: Final = "SELECT " + ", ".join(SUMMARY_KEYS) + " FROM exposure"
_WHOLE: Final = "SELECT " + ", ".join(COLUMNS[:-1]) + " FROM exposure"

_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def summaries(database: CacheDatabase, where: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the summaries of the exposures that a clause selects, as plain dicts of the sixteen keys."""
    return [summary(row) for row in database.query(f"{SUMMARY} {where}", values)]


def summary(row: Row) -> dict[str, Any]:
    """Make a summary of a row of `SUMMARY`."""
    record = dict(zip(SUMMARY_KEYS, row, strict=False))  # strict would cost a tenth of a range query
    if record["date"] is not None:
        record["date"] = to_moment(record["date"])
    record["data_written"] = bool(record["data_written"])
    return record


def exposure(database: CacheDatabase, expid: int) -> Exposure | None:
    """Return all that is cached of one exposure, or None."""
    rows = database.query(f"{_WHOLE} WHERE expid = ?", (expid,))
    return whole(rows[0]) if rows else None


def exposures(database: CacheDatabase, where: str, values: tuple[Any, ...]) -> list[Exposure]:
    """Return all that is cached of the exposures that a clause selects."""
    return [whole(row) for row in database.query(f"{_WHOLE} {where}", values)]


def whole(row: Row) -> Exposure:
    """Make an exposure of a row of all its columns."""
    record = summary(row)
    written_at, sequence, files = row[len(SUMMARY_KEYS) :]
    # A leftover of an earlier ledger has sequence 0 until the new one replaces it: still an exposure to a reader.
    return Exposure(
        **record,
        data_written_at=to_moment(written_at),
        sequence=sequence,
        files=None if files is None else _MANIFEST.decode(files),
    )
