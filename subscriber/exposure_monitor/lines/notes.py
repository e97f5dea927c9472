"""What is said in a line about whatever is no exposure."""

from typing import Any

from exposure_monitor.tapped import Tapped
from exposure_schemas import Alarm, ExposureSummary, Heartbeat, Retraction

HEX_BYTES = 32
"""How many bytes of a body that cannot be decoded are shown."""

RAW_CHARACTERS = 200
"""How much of what could be read of it is shown to a person."""


def note_of(tapped: Tapped, retraction: Retraction | None = None) -> str:
    """Return a sentence about a retraction, or about a message that carries no exposure."""
    if retraction is not None:
        return f"exposure {retraction.expid} is gone from the exposureDB, sequence {retraction.sequence}"
    match tapped.message:
        case Heartbeat(newest=newest, interval=interval):
            return f"newest sequence {newest}, the next within {interval:g} s"
        case Alarm(level=level, subscriber=subscriber, host=host, message=text):
            return f"{level} from {subscriber} at {host}: {text}"
        case ExposureSummary(covers=covers):
            return f"no exposure is left of {span_text(covers)}" if covers else "no exposures"
        case None:
            return _undecodable(tapped)
        case other:
            return str(other)


def span_text(covers: tuple[int, int] | None) -> str:
    """Return a span of sequence numbers as ``5-7``; nothing for None."""
    return "" if covers is None else f"{covers[0]}-{covers[1]}"


def hex_prefix(body: bytes) -> str:
    """Return the beginning of a body in hexadecimal."""
    return body[:HEX_BYTES].hex() + ("…" if len(body) > HEX_BYTES else "")


def printable(text: Any) -> str:
    """Return text that moves no cursor and rings no bell: whatever a terminal would obey is escaped."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1].replace("\\\\", "\\")
        for character in str(text)
    )


def _undecodable(tapped: Tapped) -> str:
    read = "" if tapped.raw is None else f", read as {_shortened(repr(tapped.raw))}"
    return f"undecodable: {tapped.problem}: {len(tapped.body)} bytes {hex_prefix(tapped.body)}{read}"


def _shortened(text: str) -> str:
    return text if len(text) <= RAW_CHARACTERS else text[: RAW_CHARACTERS - 1] + "…"
