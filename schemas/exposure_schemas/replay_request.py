"""The message in which a follower asks for what it misses."""

from typing import Annotated

from msgspec import Meta, Struct

from exposure_schemas.exposure import Moment
from exposure_schemas.summary import Epoch, Span

SubscriberName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""A follower's name: letters, digits, ``_`` and ``-``, since it becomes part of a queue's name."""


class ReplayRequest(Struct, frozen=True, kw_only=True):
    """A follower asks for the present state of what some sequence numbers stood for."""

    subscriber: SubscriberName
    """Who asks; the answer goes to this follower alone."""
    epoch: Epoch
    """The ledger that the numbers belong to."""
    missing: Annotated[tuple[Span, ...], Meta(min_length=1, max_length=1000)]
    """The missing spans, ascending."""
    requested_at: Moment
    """When the follower asked."""
