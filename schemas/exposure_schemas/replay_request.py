"""The message in which a follower asks for what it misses."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from exposure_schemas.epoch import Epoch, Span, check_epoch, check_span
from exposure_schemas.moment import Moment, put_in_utc
from exposure_schemas.patterns import whole_text
from exposure_schemas.routing import EVERYBODY, LOG_STREAM, REJECTED_QUEUE, REQUEST_QUEUE, follower_queue

_PREFIX: Final = follower_queue("")
_TAKEN: Final = (EVERYBODY, *(queue.removeprefix(_PREFIX) for queue in (LOG_STREAM, REJECTED_QUEUE, REQUEST_QUEUE)))

SubscriberName = Annotated[str, whole_text("[A-Za-z0-9][A-Za-z0-9_-]{0,63}", but_not=_TAKEN)]
"""A follower's name: letters, digits, ``_`` and ``-``, since its queue is named for it.

Not ``all``, ``log``, ``rejected`` or ``requests``: these are queues and keys of the bus itself.
"""


class ReplayRequest(Struct, frozen=True, kw_only=True):
    """A follower asks for the present state of what some sequence numbers stood for."""

    subscriber: SubscriberName
    """Who asks; the answer goes to this follower alone."""
    epoch: Epoch
    """The ledger that the numbers belong to."""
    missing: Annotated[tuple[Span, ...], Meta(min_length=1, max_length=1000)]
    """The missing spans, ascending."""
    requested_at: Moment
    """When the follower asked, UTC."""

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        put_in_utc(self, "requested_at")
        for span in self.missing:
            check_span("missing", span)
