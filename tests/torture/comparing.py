"""Both ends, value by value."""

from typing import Any

from exposure_publisher.exposuredb.engine import open_engine
from exposure_publisher.exposuredb.table import COLUMNS, as_moment
from exposure_schemas import summary_of
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposures

State = dict[int, dict[str, Any]]
"""expid to its sixteen values, and when data_written was updated."""


def in_the_exposure_db(url: str) -> State:
    """Return what the exposureDB holds."""
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT {', '.join(COLUMNS)} FROM exposure").all()
    engine.dispose()
    return {row[0]: _of_row(dict(zip(COLUMNS, row, strict=True))) for row in rows}


def in_the_cache(cache: CacheDatabase) -> State:
    """Return what a cache holds."""
    return {
        each.expid: {**summary_of(each), "data_written_at": each.data_written_at}
        for each in exposures(cache, "ORDER BY expid", ())
    }


def differing(truth: State, here: State) -> list[str]:
    """Name each exposure that is not the same on both sides."""
    return [
        f"exposure {expid}: {_difference(truth.get(expid), here.get(expid))}"
        for expid in sorted(truth.keys() | here.keys())
        if truth.get(expid) != here.get(expid)
    ]


def _of_row(row: dict[str, Any]) -> dict[str, Any]:
    moments = {key: as_moment(row[key]) for key in ("date", "data_written_at")}
    return row | moments | {"data_written": bool(row["data_written"])}


def _difference(truth: dict[str, Any] | None, here: dict[str, Any] | None) -> str:
    if truth is None or here is None:
        return "only in the cache" if truth is None else "not in the cache"
    return ", ".join(f"{key} is {here[key]!r}, not {truth[key]!r}" for key in truth if truth[key] != here[key])
