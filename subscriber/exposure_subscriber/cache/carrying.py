"""Turns of exposures that a cache of another version knew: each heals into the place that it had there.

A row of ``carried`` stands for an exposure that has not healed yet, as a tombstone does for one that is gone: no older
state takes its place. Exposures heal in another order than they had arrived in. So whoever goes by arrivals waits at
the first turn that is still carried: what stands behind it would be read before it, and it would be missed.
"""

from collections.abc import Iterable
from typing import Any, Final

from exposure_subscriber.cache.paging import pages

FORGET: Final = "DELETE FROM carried"
"""Forgets all: whatever has not healed by now is gone."""

OF_ANOTHER_LEDGER: Final = "UPDATE carried SET sequence = 0"
"""Lets any state of another ledger take a carried turn."""

FIRST_ARRIVAL: Final = "coalesce((SELECT min(arrival) FROM carried WHERE arrival > ?), 9223372036854775807)"
"""The first arrival behind a position that has not healed."""

FIRST_TURN: Final = """coalesce((SELECT min(CASE WHEN rewritten > arrival THEN rewritten ELSE arrival END) FROM carried
    WHERE arrival > ? OR rewritten > ?), 9223372036854775807)"""
"""The same for turns, which are the later of arrival and rewriting; the position twice."""

_OLDER: Final = """DELETE FROM exposure WHERE expid IN ({expids})
    AND sequence < (SELECT c.sequence FROM carried AS c WHERE c.expid = exposure.expid)"""

# Another moment of writing: its data was written again since. Right of SET stands the turn that it was just given.
_TAKE: Final = """UPDATE exposure SET
    rewritten = (SELECT CASE WHEN exposure.arrival IS NULL OR c.data_written_at = exposure.data_written_at
        THEN c.rewritten ELSE exposure.arrival END FROM carried AS c WHERE c.expid = exposure.expid),
    arrival = (SELECT c.arrival FROM carried AS c WHERE c.expid = exposure.expid)
    WHERE expid IN ({expids}) AND EXISTS (SELECT 1 FROM carried AS c WHERE c.expid = exposure.expid)"""

_TAKEN: Final = """DELETE FROM carried WHERE expid IN ({expids})
    AND EXISTS (SELECT 1 FROM exposure AS e WHERE e.expid = carried.expid)"""


def take_turns(writer: Any, expids: Iterable[int]) -> None:
    """Give exposures that have just been written the turns that are carried for them.

    Args:
        writer: The transaction in which they were written.
        expids: Which.
    """
    if not writer.execute("SELECT EXISTS (SELECT 1 FROM carried)").fetchone()[0]:
        return
    for page in pages(expids):
        marks = ", ".join("?" * len(page))
        for statement in (_OLDER, _TAKE, _TAKEN):
            writer.execute(statement.format(expids=marks), page)
