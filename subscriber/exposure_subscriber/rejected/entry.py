"""A message that was set aside, wherever it lies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pika

Place = Literal["cache", "broker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a listing says of a message."""

    id: str
    """What a person types: a number in the cache, ``b`` and ten hexadecimal digits at the broker."""
    place: Place
    """Where it lies."""
    when: datetime | None
    """When it was set aside, UTC; None if nobody wrote it down."""
    reason: str | None
    """One word: `exposure_schemas.Reason` in the cache, RabbitMQ's own at the broker; None if there is none."""
    detail: str
    """What was found, for a person."""
    routing_key: str
    """Under which it was published."""
    properties: pika.BasicProperties
    """The AMQP properties."""
    size: int
    """Bytes of the body as it came."""
    subscriber: str | None
    """The follower out of whose queue the broker took it; None: that of the cache, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with its body."""

    entry: Entry
    body: bytes
    """As much of it as was kept."""

    @property
    def cut(self) -> bool:
        """Whether the end of the body was not kept."""
        return len(self.body) < self.entry.size
