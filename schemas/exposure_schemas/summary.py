"""The message that carries exposures."""

from datetime import UTC
from typing import Annotated, Final

from msgspec import Meta, Struct

from exposure_schemas.epoch import Epoch, Span, check_epoch, check_span
from exposure_schemas.exposure import Exposure
from exposure_schemas.moment import Moment, put_in_utc
from exposure_schemas.retraction import Retraction

MOST_EXPOSURES: Final = 500
"""The most exposures one message may carry, retracted ones among them: about 150 kB without manifests, 1 MB with."""


class ExposureSummary(Struct, frozen=True, kw_only=True):
    """The present state of one exposure (live) or of many (replayed)."""

    epoch: Epoch
    """The ledger that the sequence numbers belong to."""
    covers: Span | None
    """The sequence numbers that this message accounts for; None if it accounts for no whole span."""
    replayed: bool
    """True if it answers a replay, so that a latency is not computed from it."""
    published_at: Moment
    """When the publisher made the message, UTC."""
    exposures: Annotated[tuple[Exposure, ...], Meta(max_length=MOST_EXPOSURES)]
    """The exposures, ascending by sequence; empty if the span holds only retractions or superseded numbers."""
    retracted: Annotated[tuple[Retraction, ...], Meta(max_length=MOST_EXPOSURES)] = ()
    """Exposures whose rows are gone from the exposureDB, ascending by sequence."""

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        if self.published_at.tzinfo is not UTC:
            put_in_utc(self, "published_at")
        if self.covers is not None:
            check_span("covers", self.covers)


__all__ = ["MOST_EXPOSURES", "Epoch", "ExposureSummary", "Span"]
