"""The messages by which a follower proves that it has everything: a question, and digests of the exposureDB's truth."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from exposure_schemas.digest import Digest
from exposure_schemas.epoch import Epoch, check_epoch
from exposure_schemas.exposure import Expid, Night, Sequence
from exposure_schemas.moment import Moment, put_in_utc
from exposure_schemas.patterns import whole_text
from exposure_schemas.summary import MOST_EXPOSURES

MOST_NIGHTS: Final = 1000
"""The most nights that one message may carry; a century of them is 37 messages."""

AuditKey = Annotated[str, whole_text("[A-Za-z0-9][A-Za-z0-9_-]{0,63}[.]audit-[0-9a-f]{8}")]
"""Where an answer goes: ``<subscriber>.audit-<8 hexadecimal digits>``, a key that nobody else listens to."""

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""How many."""


class AuditRequest(Struct, frozen=True, kw_only=True):
    """Somebody asks what the exposureDB holds, to compare."""

    reply_to: AuditKey
    """Routing key of the answer, on the exchange of replays."""
    night: Night | None = None
    """Each exposure of this night; without it, and without expids: a digest of each night."""
    expids: Annotated[tuple[Expid, ...], Meta(max_length=MOST_EXPOSURES)] = ()
    """Each of these exposures, whatever its night."""
    requested_at: Moment
    """When it was asked, UTC."""

    def __post_init__(self) -> None:
        put_in_utc(self, "requested_at")


class NightDigest(Struct, frozen=True, kw_only=True):
    """What the exposureDB holds of one night."""

    night: Night
    """Night, YYYYMMDD."""
    exposures: Count
    """Exposures of the night, whether announced or not."""
    waiting: Count
    """Those of them with a change that has no number yet."""
    digest: Digest
    """Sum of the digests of those that do not wait."""


class AuditedExposure(Struct, frozen=True, kw_only=True):
    """What the publisher knows of one exposure."""

    expid: Expid
    """Exposure number."""
    night: Night
    """Night, YYYYMMDD."""
    data_written: bool
    """Whether the exposureDB has its data as written."""
    sequence: Sequence | None
    """The number under which it was announced last; None if it never was."""
    waiting: bool
    """True if a change of it has no number yet."""
    digest: Digest | None
    """Digest of its state; None if it was never announced or waits."""
    numbered_at: Moment | None
    """When it got its number, UTC."""
    confirmed_at: Moment | None
    """When the broker confirmed its announcement, UTC; None where that is not known."""

    def __post_init__(self) -> None:
        put_in_utc(self, "numbered_at", "confirmed_at")


class AuditAnswer(Struct, frozen=True, kw_only=True):
    """One part of the answer to an audit request."""

    epoch: Epoch
    """The ledger that the numbers belong to."""
    newest: Count
    """The newest number that had been sent when the answer was begun."""
    published_at: Moment
    """When the publisher made the message, UTC."""
    part: Count
    """Counts the parts of an answer from 0."""
    last: bool
    """True if no further part follows."""
    nights: Annotated[tuple[NightDigest, ...], Meta(max_length=MOST_NIGHTS)]
    """Digests of nights, ascending; empty if exposures were asked for."""
    exposures: Annotated[tuple[AuditedExposure, ...], Meta(max_length=MOST_EXPOSURES)]
    """The exposures that were asked for, ascending by expid; those that are not there are left out."""

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        put_in_utc(self, "published_at")
