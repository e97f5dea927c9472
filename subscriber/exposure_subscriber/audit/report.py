"""What an audit found, as rows for a listing."""

from collections.abc import Iterable
from typing import Any, Final

from exposure_subscriber.audit.audit import Finding, Proof
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.moments import to_micros, to_moment

COLUMNS: Final = (
    "expid",
    "night",
    "exptype",
    "in_exposuredb",
    "data_written",
    "announced",
    "received",
    "fetched",
    "verified",
    "verdict",
)

DIFFERENCE_COLUMNS: Final = ("expid", "night", "verdict", "there", "here")
"""Where all nights are compared: number of the state there, and here."""


def report_rows(database: CacheDatabase, proof: Proof) -> list[dict[str, Any]]:
    """Return one row an exposure.

    ``fetched`` is when its files, as they are now, came to the last folder that got them by `files` or
    `get_exposure_files` (None: they did not), ``verified`` whether each of them was compared with a SHA-256.
    """
    fetched = {row[0]: row[1:] for row in _fetched(database, proof.findings)}
    return [_row(each, fetched.get(each.expid)) for each in proof.findings]


def difference_rows(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return one row a difference."""
    return [
        {
            "expid": each.expid,
            "night": each.night,
            "verdict": str(each.verdict),
            "there": each.truth and each.truth.sequence,
            "here": each.here and each.here.sequence,
        }
        for each in findings
    ]


def _row(each: Finding, fetched: tuple[Any, ...] | None) -> dict[str, Any]:
    written_at, fetched_at, files, verified = fetched or (None, None, None, None)
    current = each.here is not None and written_at == to_micros(each.here.data_written_at)
    return {
        "expid": each.expid,
        "night": each.night,
        "exptype": each.here and each.here.exptype,
        "in_exposuredb": each.truth is not None,
        "data_written": each.truth is not None and each.truth.data_written,
        "announced": each.truth is not None and each.truth.sequence is not None and not each.truth.waiting,
        "received": each.here is not None,
        "fetched": to_moment(fetched_at) if current else None,
        "verified": current and files == verified,
        "verdict": str(each.verdict),
    }


def _fetched(database: CacheDatabase, findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
    """Return the newest fetch of each; the last row of an expid is that."""
    nights = sorted({each.night for each in findings})
    marks = ", ".join("?" * len(nights)) or "NULL"
    return database.query(
        "SELECT f.expid, f.data_written_at, f.fetched_at, f.files, f.verified FROM fetched AS f "
        f"JOIN exposure AS e ON e.expid = f.expid WHERE e.night IN ({marks}) ORDER BY f.fetched_at",
        tuple(nights),
    )
