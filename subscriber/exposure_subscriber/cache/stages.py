"""When the announcement that an exposure's data is written went through each stage, as the follower saw it.

Only what came live has a row: a replay says nothing of how long anything took. Of several announcements with one
``data_written_at`` the first counts: what follows it is a change of a value, not new data.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from exposure_schemas import ExposureSummary
from exposure_subscriber.cache.database import Row
from exposure_subscriber.cache.moments import now_micros, to_micros

Arrival = tuple[ExposureSummary, int]
"""A live message, and when its delivery came, before it was decoded: microseconds since 1970."""

_PAGE: Final = 150
"""Rows of one statement; SQLite takes a thousand values at least."""

# Joined: what was retracted in the same batch, or had been by a newer number, has no row to tell of.
_KEEP: Final = """INSERT INTO stage (expid, sequence, data_written_at, published_at, received_at, cached_at)
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6 FROM (VALUES {rows}) AS v
    JOIN exposure AS e ON e.expid = v.column1 WHERE e.data_written = 1
    ON CONFLICT (expid) DO UPDATE SET sequence = excluded.sequence, data_written_at = excluded.data_written_at,
        published_at = excluded.published_at, received_at = excluded.received_at, cached_at = excluded.cached_at
    WHERE excluded.data_written_at > stage.data_written_at"""

FORGET: Final = "DELETE FROM stage"
"""Forgets everything: the numbers and times of another ledger say nothing of this one."""


def keep_stages(writer: Any, arrivals: Iterable[Arrival], epoch: str) -> None:
    """Write when exposures went through each stage; to be called last before the commit.

    Args:
        writer: The transaction in which the exposures themselves are written.
        arrivals: Live messages, in the order in which they came.
        epoch: The ledger that is followed; messages of another one count for nothing.
    """
    rows = _rows(arrivals, epoch)
    for first in range(0, len(rows), _PAGE):
        page = rows[first : first + _PAGE]
        marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(page))
        writer.execute(_KEEP.format(rows=marks), [value for row in page for value in row])


def _rows(arrivals: Iterable[Arrival], epoch: str) -> Sequence[Row]:
    """Return one row an exposure; a statement may meet each only once."""
    cached_at, rows = now_micros(), dict[int, Row]()
    for row in _announced(arrivals, epoch):
        known = rows.get(row[0])
        if known is None or row[2] > known[2]:
            rows[row[0]] = (*row, cached_at)
    return list(rows.values())


def _announced(arrivals: Iterable[Arrival], epoch: str) -> Iterator[Row]:
    for message, received_at in arrivals:
        if message.epoch == epoch:
            published_at = to_micros(message.published_at)
            for each in message.exposures:
                if each.data_written:
                    yield each.expid, each.sequence, to_micros(each.data_written_at), published_at, received_at
