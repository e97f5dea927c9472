"""`new_exposures`: each exposure once for each name, as its data is written, across restarts."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from exposure_bus.database import watching
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.carrying import FIRST_ARRIVAL
from exposure_subscriber.cache.database import Row
from exposure_subscriber.cache.reading import SUMMARY, summary
from exposure_subscriber.cache.waiting import CHANNEL, wait_for
from exposure_subscriber.errors import InvalidArgument, NameInUse

LONGEST_NAME: Final = 60
LONGEST_TIMEOUT: Final = 1e6

PAGE: Final = 500
"""Exposures that are read at once when many wait."""

_NEXT: Final = (
    SUMMARY.replace(" FROM", ", arrival FROM")
    + f" WHERE arrival > ? AND arrival < {FIRST_ARRIVAL} ORDER BY arrival LIMIT ?"
)


def arrivals(database: CacheDatabase, name: str, timeout: float | None) -> Iterator[dict[str, Any]]:
    """Yield each written exposure once for this name.

    An exposure counts as done when the next one is asked for: who is killed while working on one gets it again.

    Args:
        database: The cache.
        name: Whose position is kept.
        timeout: Seconds without a new exposure after which it ends; None never ends.

    Raises:
        NameInUse: Another process iterates under this name.
        InvalidArgument: The name is no text, or the timeout no number of seconds.
    """
    _check(name, timeout)
    with database.hold_name(name) as held:
        if not held:
            raise NameInUse(f"another process takes new exposures under the name {name!r}; choose another name")
        with watching(database.url, CHANNEL) as watch:
            done = _position(database, name)
            while rows := wait_for(partial(database.query, _NEXT, (done, done, PAGE)), watch, timeout):
                for place, row in enumerate(rows):
                    if not place or _is_there(database, row):
                        yield summary(row)
                    done = row[-1]
                    _keep_position(database, name, done)


def _is_there(database: CacheDatabase, row: Row) -> bool:
    """Whether an exposure that was read a while ago has not been retracted since."""
    return bool(database.query("SELECT 1 FROM exposure WHERE expid = ? AND arrival = ?", (row[0], row[-1])))


def _check(name: Any, timeout: Any) -> None:
    if not isinstance(name, str) or not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise InvalidArgument(f"name={name!r}: a name is a text of 1 to {LONGEST_NAME} printable characters")
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (number and 0 <= timeout <= LONGEST_TIMEOUT):
        raise InvalidArgument(f"timeout={timeout!r}: give seconds from 0 to {LONGEST_TIMEOUT:g}, or None")


def _position(database: CacheDatabase, name: str) -> int:
    rows = database.query("SELECT arrival FROM position WHERE name = ?", (name,))
    return int(rows[0][0]) if rows else 0


def _keep_position(database: CacheDatabase, name: str, arrival: int) -> None:
    with database.transaction() as writer:
        writer.execute(
            "INSERT INTO position (name, arrival) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET arrival = excluded.arrival",
            (name, arrival),
        )
