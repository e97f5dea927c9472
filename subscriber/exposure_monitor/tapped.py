"""One message as a tap sees it: decoded, or with the reason why not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pika

from exposure_bus.broker import envelope_of
from exposure_monitor.raw import read_raw
from exposure_schemas import Alarm, DecodeError, Exposure, ExposureSummary, Heartbeat, Message, Retraction, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """A message that went over the bus."""

    exchange: str
    """The exchange it was published to."""
    routing_key: str
    """Under which key."""
    received_at: datetime
    """When the tap received it, UTC."""
    message: Message | None
    """What it says; None if it is no message of ours."""
    problem: str | None
    """Why it cannot be decoded, beginning with one of `exposure_schemas.Reason`; None if it can."""
    raw: Any
    """What could be read of it without its type, if it cannot be decoded; else None."""
    body: bytes
    """The bytes as they came."""
    type: str | None
    """The AMQP property of that name, such as ``exposure-summary``."""
    message_id: str | None
    """The same for the same content, so that a second copy can be told."""
    stamped_at: datetime | None
    """The AMQP property ``timestamp``, UTC, to the second."""
    offset: int | None
    """Its offset in the log; None if it was seen live."""

    @property
    def published_at(self) -> datetime | None:
        """When it was published, UTC: what the message says, else what its properties say."""
        if isinstance(self.message, ExposureSummary | Heartbeat):
            return self.message.published_at
        return self.message.raised_at if isinstance(self.message, Alarm) else self.stamped_at

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """The exposures it carries; none if it is something else."""
        return self.message.exposures if isinstance(self.message, ExposureSummary) else ()

    @property
    def retracted(self) -> tuple[Retraction, ...]:
        """The exposures that it says are gone; none if it is something else."""
        return self.message.retracted if isinstance(self.message, ExposureSummary) else ()


def read_tapped(method: Any, properties: pika.BasicProperties, body: bytes, *, logged: bool) -> Tapped:
    """Decode a delivery. It never fails: what is wrong becomes the `Tapped.problem`.

    Args:
        method: pika's ``Basic.Deliver``.
        properties: The AMQP properties.
        body: The bytes.
        logged: Whether it comes out of the log, where the broker adds the offset.
    """
    message, problem, raw = _decoded(properties, body)
    return Tapped(
        exchange=method.exchange,
        routing_key=_text(method.routing_key) or "",
        received_at=datetime.now(UTC),
        message=message,
        problem=problem,
        raw=raw,
        body=body,
        type=_text(properties.type),
        message_id=_text(properties.message_id),
        stamped_at=_moment(properties.timestamp),
        offset=int(properties.headers["x-stream-offset"]) if logged else None,
    )


def _decoded(properties: pika.BasicProperties, body: bytes) -> tuple[Message | None, str | None, Any]:
    try:
        return decode(body, envelope_of(properties)), None, None
    except DecodeError as error:
        return None, str(error), read_raw(body, properties.content_type)


def _text(value: str | bytes | None) -> str | None:
    """Return text: pika leaves as bytes what is no UTF-8."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a foreign sender's timestamp may be anything
