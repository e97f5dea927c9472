"""How a moment is written for a person or a program."""

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with ``Z``, to the microsecond where it has any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
