"""A night of three exposures on which all stations agree: one science, one zero, one whose data never came."""

from datetime import UTC, datetime, timedelta
from typing import Any

from evidence import Evidence
from exposure_schemas import SUMMARY_KEYS

COMMIT = datetime(2023, 9, 14, 3, 14, 15, 926535, tzinfo=UTC)
SCIENCE, ZERO, PENDING = 196028, 195972, 196029

EMPTY = dict.fromkeys(SUMMARY_KEYS)
ROWS: dict[int, dict[str, Any]] = {
    ZERO: EMPTY
    | {"expid": ZERO, "night": 20230913, "exptype": "zero", "exptime": 0.0, "data_written": True}
    | {"data_location": "/raw/195972", "data_written_at": COMMIT},
    SCIENCE: EMPTY
    | {"expid": SCIENCE, "night": 20230913, "exptype": "science", "exptime": 900.0, "tile_id": 7668, "skyra": 15.5}
    | {"date": COMMIT - timedelta(minutes=16), "data_written": True, "data_location": "/raw/196028"}
    | {"data_written_at": COMMIT},
    PENDING: EMPTY | {"expid": PENDING, "night": 20230913, "data_written": False, "data_written_at": COMMIT},
}
SUMS = {
    ZERO: {"desi-00195972.fits.fz": "aa", "checksum-00195972.sha256sum": "bb"},
    SCIENCE: {"desi-00196028.fits.fz": "cc", "checksum-00196028.sha256sum": "dd"},
}


def summary(expid: int) -> dict[str, Any]:
    """Return what QLF reads of an exposure."""
    return {key: ROWS[expid][key] for key in SUMMARY_KEYS}


def tapped(expid: int, sequence: int, **changes: Any) -> dict[str, Any]:
    """Return a line of the tap's JSON."""
    date = ROWS[expid]["date"]
    written = None if date is None else date.isoformat().replace("+00:00", "Z")
    return (
        summary(expid) | {"date": written, "sequence": sequence, "routing_key": "exposure.written.zero.none"} | changes
    )


def evidence(**changes: Any) -> Evidence:
    """Return evidence on which all stations agree, but for what is given."""
    agreeing: dict[str, Any] = {
        "night": (ZERO, SCIENCE, PENDING),
        "rows": ROWS,
        "announced": [tapped(ZERO, 1, data_written=False), tapped(ZERO, 2), tapped(SCIENCE, 3), tapped(PENDING, 4)],
        "cached": {expid: summary(expid) for expid in ROWS},
        "called": [(ZERO, COMMIT + timedelta(milliseconds=5)), (SCIENCE, COMMIT + timedelta(milliseconds=15))],
        "failed": {},
        "promised": SUMS,
        "found": SUMS,
        "size": 2_000_000,
        "strays": [],
        "status": {"missing": [], "rejected": 0, "text": "complete up to 4"},
        "exit_codes": {"emulate": 0, "publish": 0, "follow": 0, "qlf": 0, "tap": 143},
    }
    return Evidence(**agreeing | changes)
