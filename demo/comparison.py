"""Summaries held against the exposureDB's rows: value by value, types and time zone included."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from exposure_schemas import SUMMARY_KEYS
from truth import Row

Summaries = Mapping[int, Mapping[str, Any]]
"""An exposure's number to its sixteen keys."""


def count_equal(rows: Mapping[int, Row], summaries: Summaries) -> int:
    """Return for how many exposures of the exposureDB the summary is equal."""
    return sum(expid in summaries and not _differing(row, summaries[expid]) for expid, row in rows.items())


def differences(rows: Mapping[int, Row], summaries: Summaries, where: str) -> Iterator[str]:
    """Say in a sentence each how summaries differ from the exposureDB.

    Args:
        rows: The exposureDB.
        summaries: What another station says.
        where: How to call that station, such as ``in the cache``.
    """
    for expid in sorted(set(rows) | set(summaries)):
        if expid not in summaries:
            yield f"exposure {expid} is not {where}"
        elif expid not in rows:
            yield f"exposure {expid} is {where}, but not in the exposureDB"
        else:
            row, summary = rows[expid], summaries[expid]
            for key in _differing(row, summary):
                yield f"exposure {expid}: {key} is {summary.get(key)!r} {where}, {row[key]!r} in the exposureDB"


def summary_of_json(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary in a line of JSON, which has moments as text."""
    date = entry.get("date")
    moment = datetime.fromisoformat(date).astimezone(UTC) if isinstance(date, str) else date
    return {key: entry[key] for key in SUMMARY_KEYS if key in entry} | {"date": moment}


def _differing(row: Row, summary: Mapping[str, Any]) -> list[str]:
    return [key for key in SUMMARY_KEYS if key not in summary or not _same(summary[key], row[key])]


def _same(value: Any, truth: Any) -> bool:
    in_utc = not isinstance(value, datetime) or value.utcoffset() == timedelta(0)
    return in_utc and type(value) is type(truth) and bool(value == truth)
