"""AMQP properties: what is said beside a body."""

from datetime import UTC, datetime
from typing import Final

import pika

from exposure_schemas import MSGPACK, Envelope, Message, envelope

APP_ID: Final = "exposure-bus"
PERSISTENT: Final = 2


def properties_for(message: Message, message_id: str, content_type: str = MSGPACK) -> pika.BasicProperties:
    """Return the properties under which a message travels.

    Args:
        message: The message.
        message_id: The same for the same content, so that a reader can tell a second copy.
        content_type: How its body is written.
    """
    written = envelope(message, content_type)
    return pika.BasicProperties(
        type=written.type,
        content_type=written.content_type,
        content_encoding="binary" if content_type == MSGPACK else "utf-8",  # kombu refuses msgpack without one
        message_id=message_id,
        timestamp=int(datetime.now(UTC).timestamp()),
        app_id=APP_ID,
        delivery_mode=PERSISTENT,
        headers={"schema_version": written.schema_version},
    )


def envelope_of(properties: pika.BasicProperties) -> Envelope:
    """Return what the properties of a delivery say about how to read its body."""
    return Envelope(
        type=properties.type,
        content_type=properties.content_type,
        schema_version=(properties.headers or {}).get("schema_version"),
    )
