"""What can be read of a body that is no message of ours: another version's, a foreign tool's, or rubbish."""

import json
from collections.abc import Callable
from typing import Any, Final

import msgpack

from exposure_schemas import JSON, MSGPACK
from exposure_schemas.codec import MOST_BYTES

_UNREADABLE: Final = (ValueError, TypeError, OverflowError, RecursionError, MemoryError)
"""What either library raises for a body that it cannot read: unhashable keys, dates out of range, nesting and so on."""


def read_raw(body: bytes, content_type: str | None) -> Any:
    """Read a body without knowing its type.

    Args:
        body: The bytes as they came.
        content_type: What its properties say of it; neither msgpack nor JSON: JSON is tried, then msgpack.

    Returns:
        Dicts, lists, text, numbers, moments; None if nothing can be read.
    """
    if len(body) > MOST_BYTES:
        return None
    for read in _READERS.get(content_type or "", (json.loads, _read_msgpack)):
        try:
            return read(body)
        except _UNREADABLE:
            continue  # it is something else, or nothing
    return None


def _read_msgpack(body: bytes) -> Any:
    return msgpack.unpackb(body, timestamp=3, strict_map_key=False)


_READERS: Final[dict[str, tuple[Callable[[bytes], Any], ...]]] = {MSGPACK: (_read_msgpack,), JSON: (json.loads,)}
