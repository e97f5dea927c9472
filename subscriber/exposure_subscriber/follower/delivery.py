"""What a delivery is to the follower: a message to cache, or one to set aside with its reason."""

from typing import Any

import msgspec
import pika

from exposure_bus.broker import envelope_of
from exposure_schemas import DecodeError, ExposureSummary, Heartbeat, decode
from exposure_subscriber.cache.writing import Rejected


def read_delivery(method: Any, properties: pika.BasicProperties, body: bytes) -> ExposureSummary | Heartbeat | Rejected:
    """Decode a delivery; whatever is wrong with it becomes a `Rejected`, so that the flow goes on."""
    try:
        message = decode(body, envelope_of(properties))
    except DecodeError as error:
        return _rejected(error, method, properties, body)
    if isinstance(message, ExposureSummary | Heartbeat):
        return message
    stray = DecodeError("unknown-type", f"a {properties.type} does not belong into a follower's queue")
    return _rejected(stray, method, properties, body)


def _rejected(error: DecodeError, method: Any, properties: pika.BasicProperties, body: bytes) -> Rejected:
    return Rejected(
        reason=error.reason,
        detail=_storable(f"{error.detail} ({len(body)} bytes)")[:1000],
        routing_key=_storable(method.routing_key),
        properties=msgspec.json.encode(_jsonable(vars(properties))).decode(),
        body=body,
    )


def _storable(text: str | bytes) -> str:
    """Return text that any database holds; pika gives bytes where a sender wrote no UTF-8."""
    return (text if isinstance(text, str) else repr(text)).replace("\x00", "\\0")


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(each) for key, each in value.items() if each is not None}
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # pika has an integer type of its own for 64 bits, such as the broker's own counts
    return value if isinstance(value, str | float | bool) else repr(value)
