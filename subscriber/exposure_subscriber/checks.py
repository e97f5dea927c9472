"""What the QLF side contributes to ``exposure-bus doctor``: the cache, and how fresh and complete it is.

Everything is read on a connection that makes no file beside the cache.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from exposure_bus.counting import counted
from exposure_bus.database import sqlite_path
from exposure_bus.database.read_only import read_only_uri
from exposure_bus.doctor import Finding, Host, failed, incomplete, not_here, ok, warning
from exposure_bus.errors import DatabaseError
from exposure_bus.settings import redacted
from exposure_subscriber.alarms import AlarmOutbox
from exposure_subscriber.cache import CacheDatabase, Freshness, open_cache
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.sqlite import SqliteCache

LITTLE_SPACE: Final = 10**9
"""Bytes; the cache of a million exposures with manifests takes about as much."""

NO_SPACE: Final = 10**8
"""Bytes; SQLite needs room for its ``-wal`` to write anything at all."""

_CACHE: Final = "cache"
_FOLLOW: Final = "start `exposure-bus follow`"


def check_cache(host: Host) -> Iterator[Finding]:
    """Look at the cache of this host, if it has one."""
    url = host.settings.cache_url
    path = sqlite_path(url)
    if path is not None and not path.exists():
        yield _absent(path, expected=host.chose("cache_url"))
        return
    database = _ReadOnlyCache(url, path) if path else open_cache(url)
    try:
        yield from _contents(database)
    except DatabaseError as error:
        yield failed(_CACHE, str(error), f"{_FOLLOW}: it makes what is missing; is cache_url right?")
    finally:
        database.close()
    if path is not None:
        yield _space(path)


class _ReadOnlyCache(SqliteCache):
    """A cache in a SQLite file that is left as it is."""

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(read_only_uri(self._path), uri=True)


def _absent(path: Path, *, expected: bool) -> Finding:
    text = f"there is no {path}"
    if expected:
        return warning(_CACHE, text, f"mend cache_url, or {_FOLLOW}, which makes it")
    return not_here(_CACHE, text)


def _contents(database: CacheDatabase) -> Iterator[Finding]:
    exposures, written = database.query("SELECT count(*), count(arrival) FROM exposure")[0]
    yield ok(_CACHE, f"{redacted(database.url)}, {counted(exposures, 'exposure')}, {written} written")
    yield _freshness(read_freshness(database))
    yield _rejected(database)
    yield _alarms(AlarmOutbox(database).waiting())


def _freshness(freshness: Freshness) -> Finding:
    if freshness.complete:
        return ok("completeness", freshness.text)
    if freshness.silent:
        advice = "is `exposure-bus follow` running here, and `exposure-bus publish` on the ICS host?"
    else:
        advice = "healing asks for what is missing; if it stays so, read the log of `exposure-bus publish`"
    return incomplete("completeness", freshness.text, advice)


def _rejected(database: CacheDatabase) -> Finding:
    counts = database.query("SELECT reason, count(*) FROM rejected GROUP BY reason ORDER BY count(*) DESC, reason")
    if not counts:
        return ok("set aside", "every message could be read")
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts)
    total = counted(sum(count for _, count in counts), "message")
    text = f"{total} could not be read: {reasons}"
    return warning(
        "set aside", text, "who sends them? `exposure-bus rejected list` shows them, and `retry` sends them again"
    )


def _alarms(waiting: int) -> Finding:
    if waiting:
        return warning("alarms", f"{waiting} waiting for ICS", f"{_FOLLOW}: it sends them when the broker is there")
    return ok("alarms", "none waiting for ICS")


def _space(path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free
    check, text = "disk space", f"{free / 1e9:.1f} GB free at {path.parent}"
    if free < NO_SPACE:
        return failed(check, text, "make room: the follower can write no more")
    return warning(check, text, "make room soon") if free < LITTLE_SPACE else ok(check, text)
