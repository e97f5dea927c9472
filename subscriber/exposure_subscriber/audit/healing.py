"""Healing what an audit found: the numbers count as missing again, so the follower asks for them by itself."""

import json
from collections.abc import Sequence

from exposure_bus.database import watching
from exposure_subscriber.audit.audit import Finding
from exposure_subscriber.audit.cached import covered
from exposure_subscriber.audit.verdict import Verdict
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.freshness import QUERY
from exposure_subscriber.cache.schema import KEEP_TURN, NEWEST_TURN
from exposure_subscriber.cache.spans import Spans
from exposure_subscriber.cache.waiting import CHANNEL, wait_for


def mark(database: CacheDatabase, wrong: Sequence[Finding]) -> None:
    """Have the follower ask for what is wrong, at the next heartbeat it hears; what is no more is dropped.

    Any state replaces a row that was found wrong, until then it stays readable.

    Args:
        database: The cache.
        wrong: What an audit found.

    Raises:
        DatabaseUnreachable: Nothing was marked; try again.
        DatabaseRefused: Nothing was marked.
    """
    numbers = [each.truth.sequence for each in wrong if each.truth is not None and each.truth.sequence is not None]
    replaceable = [(each.expid,) for each in wrong if each.verdict in {Verdict.OLDER, Verdict.DIFFERS}]
    extra = [(each.expid, each.here.sequence) for each in wrong if each.verdict is Verdict.EXTRA and each.here]
    with database.transaction() as writer:
        known = Spans(json.loads(writer.execute(QUERY + database.for_update).fetchone()[1]))
        writer.execute("UPDATE follower SET covered = ?", (json.dumps(list(known.without(numbers))),))
        writer.executemany("UPDATE exposure SET sequence = 0 WHERE expid = ?", replaceable)
        writer.execute(KEEP_TURN, (max(writer.execute(NEWEST_TURN).fetchone()),))
        for table in ("exposure", "stage"):
            writer.executemany(f"DELETE FROM {table} WHERE expid = ? AND sequence <= ?", extra)
        database.notify(writer)


def wait_until_healed(database: CacheDatabase, newest: int, timeout: float) -> bool:
    """Return whether every number up to one is here, as soon as that is so, or at the end of the time."""
    with watching(database.url, CHANNEL) as watch:
        return wait_for(lambda: not covered(database).missing(newest), watch, timeout)
