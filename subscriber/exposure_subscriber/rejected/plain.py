"""Whatever a body or a header holds, as JSON has it."""

from datetime import datetime
from typing import Any

from exposure_bus.moments import iso


def plain(value: Any) -> Any:
    """Return a value as dicts, lists, text, numbers; what is none of these becomes text.

    Args:
        value: Out of msgpack, JSON or an AMQP header.
    """
    if isinstance(value, dict):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # pika has an integer type of its own, which shows an L
    if isinstance(value, datetime):
        return iso(value)
    return value if isinstance(value, str | float | bool | None) else repr(value)
