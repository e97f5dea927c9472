"""What tests of the ledger share: recording, numbering, and looking at what has a number."""

from typing import Any

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger

NIGHT = 20230913


def record(db: ExposureDB, *expids: int, **values: Any) -> None:
    db.record_many([{"expid": expid, "night": NIGHT, **values} for expid in expids])


def number_all(ledger: Ledger, most: int = 100) -> list[tuple[int, int]]:
    """Number whatever waits, page by page, without manifests."""
    numbered: list[tuple[int, int]] = []
    while found := ledger.unnumbered(most):
        numbered += ledger.number(found, [None] * len(found), 0)
    return numbered


def sequences(ledger: Ledger) -> list[tuple[int, int]]:
    """Number and expid of all exposures."""
    return [(sequence, expid) for sequence, expid, row, _ in ledger.read(1, 2**62, 10**6) if row is not None]


def retracted(ledger: Ledger) -> list[tuple[int, int]]:
    """Number and expid of all that is gone."""
    return [(sequence, expid) for sequence, expid, row, _ in ledger.read(1, 2**62, 10**6) if row is None]
