"""A msgpack that is not ours: what is agreed with it is agreed with readers in other languages."""

from typing import Any

import msgpack

Timestamp = msgpack.Timestamp


def pack(value: Any) -> bytes:
    """Write a value; datetimes become timestamps."""
    body: bytes = msgpack.packb(value, datetime=True)
    return body


def unpack(body: bytes) -> Any:
    """Read a body; timestamps become datetimes."""
    return msgpack.unpackb(body, timestamp=3)


def unpack_raw(body: bytes) -> Any:
    """Read a body; timestamps stay as they are on the wire."""
    return msgpack.unpackb(body, timestamp=0)
