"""Retractions in the cache: an exposure that is gone leaves, and nothing older than its retraction brings it back.

A tombstone keeps the number of a retraction until a newer state of the exposure takes its place: no exposure has both a
row and a tombstone.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from exposure_subscriber.cache.paging import pages

_BURY: Final = """INSERT INTO retracted (expid, sequence) VALUES {values} ON CONFLICT (expid) DO UPDATE
    SET sequence = excluded.sequence WHERE excluded.sequence > retracted.sequence"""

# The tables whose rows tell of a state of an exposure. What is in `fetched` stays: the files are on disk still.
_DROP: Final = tuple(
    f"""DELETE FROM {table} WHERE expid IN ({{expids}})
    AND sequence <= (SELECT r.sequence FROM retracted AS r WHERE r.expid = {table}.expid)"""
    for table in ("exposure", "carried", "stage")
)

_UNEARTH: Final = """DELETE FROM retracted WHERE expid IN ({expids})
    AND EXISTS (SELECT 1 FROM exposure AS e WHERE e.expid = retracted.expid)"""


def retract(writer: Any, retractions: Mapping[int, int]) -> None:
    """Drop exposures, unless a newer state of one is here.

    Args:
        writer: A transaction of the cache's.
        retractions: expid to the number of its retraction.
    """
    for page in pages(retractions.items()):
        values = ", ".join(["(?, ?)"] * len(page))
        writer.execute(_BURY.format(values=values), tuple(number for pair in page for number in pair))
    settle(writer, retractions)


def settle(writer: Any, expids: Iterable[int]) -> None:
    """Leave of each exposure the newer of its row and its tombstone; of the same number, the tombstone.

    Args:
        writer: A transaction of the cache's.
        expids: Those of which a row or a tombstone may have been written.
    """
    if not writer.execute("SELECT EXISTS (SELECT 1 FROM retracted)").fetchone()[0]:
        return
    for page in pages(expids):
        marks = ", ".join("?" * len(page))
        for statement in (*_DROP, _UNEARTH):
            writer.execute(statement.format(expids=marks), page)
