"""Where a tap begins: now, at the first message that is kept, or at a moment."""

from datetime import UTC, datetime
from typing import Literal

from exposure_bus.errors import UsageError

Start = Literal["now", "first"] | datetime
"""``now``, ``first``, or when the first message to see was published (naive is UTC)."""


def parse_start(text: str) -> Start:
    """Read what a person writes after ``--from``.

    Raises:
        UsageError: It is neither ``now``, ``first`` nor an ISO 8601 date.
    """
    words: dict[str, Start] = {"now": "now", "first": "first"}
    if text in words:
        return words[text]
    try:
        return check_start(datetime.fromisoformat(text))
    except ValueError as error:
        raise UsageError(
            f"--from {text!r}: give now, first, or an ISO 8601 date, such as 2023-09-14T03:00:00Z"
        ) from error


def check_start(start: Start) -> Start:
    """Return a start whose moment is in UTC.

    Raises:
        UsageError: The moment is yet to come, so that nothing would be seen until then.
    """
    if not isinstance(start, datetime):
        return start
    moment = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    if moment > datetime.now(UTC):
        raise UsageError(f"a tap from {moment:%Y-%m-%dT%H:%M:%SZ} shows nothing: that is yet to come")
    return moment
