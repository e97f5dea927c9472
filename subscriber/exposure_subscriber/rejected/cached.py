"""What the follower could not decode, in its cache."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pika

from exposure_bus.errors import DatabaseError
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.moments import to_moment
from exposure_subscriber.cache.writing import LARGEST_KEPT
from exposure_subscriber.errors import CacheUnavailable
from exposure_subscriber.rejected.entry import Entry, Letter

_COLUMNS: Final = "id, received_at, reason, detail, routing_key, properties, length(body)"

_SIZE: Final = re.compile(r"\((\d+) bytes\)\Z")
"""How the follower ends a detail."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


def number_of(letter_id: str) -> int | None:
    """Return the number in the cache that an id is; None if it is none."""
    return int(letter_id) if _NUMBER.fullmatch(letter_id) else None


def entries(database: CacheDatabase) -> list[Entry]:
    """Return all of them, the oldest first, without their bodies."""
    with _asked():
        return [_entry(row) for row in database.query(f"SELECT {_COLUMNS} FROM rejected ORDER BY id")]


def numbers(database: CacheDatabase) -> list[int]:
    """Return the numbers of all of them, the oldest first."""
    with _asked():
        return [number for (number,) in database.query("SELECT id FROM rejected ORDER BY id")]


def find(database: CacheDatabase, number: int) -> Letter | None:
    """Return one with its body; None if there is none of this number."""
    with _asked():
        rows = database.query(f"SELECT {_COLUMNS}, body FROM rejected WHERE id = ?", (number,))
    return Letter(_entry(rows[0][:-1]), bytes(rows[0][-1])) if rows else None


def remove(database: CacheDatabase, number: int) -> bool:
    """Remove one; False if there is none of this number."""
    with _asked(), database.transaction() as writer:
        return bool(writer.execute("DELETE FROM rejected WHERE id = ?", (number,)).rowcount)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, received_at, reason, detail, routing_key, properties, kept = row
    return Entry(
        id=str(number),
        place="cache",
        when=to_moment(received_at),
        reason=reason,
        detail=detail,
        routing_key=routing_key,
        properties=pika.BasicProperties(**json.loads(properties)),
        size=_size(detail, kept),
        subscriber=None,
    )


def _size(detail: str, kept: int) -> int:
    """Return how many bytes came; where a long detail has lost that, one more than were kept."""
    said = _SIZE.search(detail)
    if said:
        return int(said[1])
    return kept + 1 if kept == LARGEST_KEPT else kept


@contextmanager
def _asked() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise CacheUnavailable(str(error)) from error
