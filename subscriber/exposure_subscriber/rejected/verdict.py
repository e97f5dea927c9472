"""Whether a message could be read now, by the follower's own judgement."""

from pika.spec import Basic

from exposure_bus.broker.odd_headers import holds_odd
from exposure_schemas import ExposureSummary, Heartbeat
from exposure_subscriber.cache.writing import Rejected
from exposure_subscriber.follower.delivery import read_delivery
from exposure_subscriber.rejected.entry import Letter


def why_not(letter: Letter) -> str | None:
    """Return why the follower could not read a message; None if it could."""
    if letter.cut:
        return f"only its first {len(letter.body)} bytes were kept; healing brings what it said"
    if holds_odd(letter.entry.properties.headers):
        return "a header holds a time beyond the year 9999, or is nested too deep: a follower would lose its connection"
    read = _read(letter)
    return f"{read.reason}: {read.detail}" if isinstance(read, Rejected) else None


def said_by(letter: Letter) -> str | None:
    """Return in words what a message says; None if it cannot be read."""
    if why_not(letter) is not None:
        return None
    read = _read(letter)
    if isinstance(read, ExposureSummary):
        expids = ", ".join(str(exposure.expid) for exposure in read.exposures) or "none"
        retracted = ", ".join(str(each.expid) for each in read.retracted)
        return f"exposure-summary of {expids}" + (f", retracting {retracted}" if retracted else "")
    return "heartbeat"


def _read(letter: Letter) -> ExposureSummary | Heartbeat | Rejected:
    entry = letter.entry
    return read_delivery(Basic.Deliver(routing_key=entry.routing_key), entry.properties, letter.body)
