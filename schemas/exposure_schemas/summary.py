"""The message that carries exposures."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from exposure_schemas.exposure import Exposure, Moment, Sequence

MOST_EXPOSURES: Final = 500
"""The most exposures one message may carry: about 150 kB without manifests, 1 MB with."""

Epoch = Annotated[str, Meta(min_length=1, max_length=64)]
"""Identity of an exposureDB's ledger; a rebuilt exposureDB gets another."""

Span = tuple[Sequence, Sequence]
"""First and last of a run of sequence numbers, both included."""


class ExposureSummary(Struct, frozen=True, kw_only=True):
    """The present state of one exposure (live) or of many (replayed)."""

    epoch: Epoch
    """The ledger that the sequence numbers belong to."""
    covers: Span | None
    """The sequence numbers that this message accounts for; None if it accounts for no whole span."""
    replayed: bool
    """True if it answers a replay, so that a latency is not computed from it."""
    published_at: Moment
    """When the publisher made the message."""
    exposures: Annotated[tuple[Exposure, ...], Meta(max_length=MOST_EXPOSURES)]
    """The exposures, ascending by sequence; empty if the span holds only superseded numbers."""
