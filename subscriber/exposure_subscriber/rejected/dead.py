"""What the broker says of a message that it took out of a follower's queue, and by what name a person calls it."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pika

from exposure_schemas.routing import REJECTED_QUEUE, follower_queue
from exposure_subscriber.rejected.entry import Entry, Letter
from exposure_subscriber.rejected.plain import plain

DIGITS: Final = 10
"""Hexadecimal digits of a digest that an id has: among 10,000 messages two have the same once in 20,000 times."""

_ID: Final = re.compile(f"b[0-9a-f]{{{DIGITS}}}")

_FOR_THE_BROKER: Final = ("user_id", "expiration")
"""Properties that the broker itself acts upon: whose a message is, and when it is thrown away."""


def is_dead_id(text: str) -> bool:
    """Whether an id is one of a message at the broker."""
    return _ID.fullmatch(text) is not None


def read_dead(routing_key: str | bytes, properties: pika.BasicProperties, body: bytes) -> Letter:
    """Make a letter of what the queue of rejected messages holds; it never fails, whatever somebody sent there.

    Args:
        routing_key: Of the delivery; bytes where it is no UTF-8.
        properties: The AMQP properties, whose ``x-death`` tells what happened.
        body: The bytes.
    """
    death = _last_death(properties.headers or {})
    key, queue = str(plain(routing_key)), death.get("queue")
    entry = Entry(
        id=_id(key, queue, properties, body),
        place="broker",
        when=_when(death.get("time"), properties.timestamp),
        reason=_word(death.get("reason")),
        detail=_detail(queue),
        routing_key=key,
        properties=properties,
        size=len(body),
        subscriber=_subscriber(queue),
    )
    return Letter(entry, body)


def without_marks(properties: pika.BasicProperties) -> pika.BasicProperties:
    """Return properties under which a message can be published again.

    How often it was delivered is the broker's to count. Another user's name it would refuse, and what expires could be
    gone before anybody reads it.
    """
    known = {name: value for name, value in vars(properties).items() if name not in _FOR_THE_BROKER}
    headers = {name: value for name, value in (properties.headers or {}).items() if name not in _COUNTS}
    return pika.BasicProperties(**known | {"headers": headers or None})


_COUNTS: Final = ("x-delivery-count", "x-acquired-count")


def deliveries(properties: pika.BasicProperties) -> int:
    """Return how often it was delivered and came back, by the broker's count."""
    count = (properties.headers or {}).get(_COUNTS[0])
    return int(count) if isinstance(count, int) else 0


def _id(key: str, queue: Any, properties: pika.BasicProperties, body: bytes) -> str:
    """Digest what stays the same, however often it is looked at: headers that begin with x- are the broker's."""
    known = vars(without_marks(properties))
    headers = {name: value for name, value in (properties.headers or {}).items() if not str(name).startswith("x-")}
    said = json.dumps([key, plain(queue), plain(known | {"headers": headers})], sort_keys=True)
    return "b" + hashlib.sha256(said.encode(errors="surrogatepass") + b"\0" + body).hexdigest()[:DIGITS]


def _last_death(headers: dict[Any, Any]) -> dict[str, Any]:
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, dict) else {}


def _when(died_at: Any, stamped_at: int | None) -> datetime | None:
    if isinstance(died_at, datetime):
        return died_at
    try:
        return None if stamped_at is None else datetime.fromtimestamp(stamped_at, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a foreign sender's timestamp may be anything


def _word(reason: Any) -> str | None:
    return reason if isinstance(reason, str) else None


def _detail(queue: Any) -> str:
    return f"out of {plain(queue)}" if queue else f"somebody published it to {REJECTED_QUEUE}"


def _subscriber(queue: Any) -> str | None:
    beginning = follower_queue("")
    return queue.removeprefix(beginning) if isinstance(queue, str) and queue.startswith(beginning) else None
