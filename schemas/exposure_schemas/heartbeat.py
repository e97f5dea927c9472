"""The message that says how far the publisher is, even when nothing happens."""

import sys
from typing import Annotated

from msgspec import Meta, Struct

from exposure_schemas.epoch import Epoch, check_epoch
from exposure_schemas.moment import Moment, put_in_utc


class Heartbeat(Struct, frozen=True, kw_only=True):
    """The publisher lives, and this is its newest number."""

    epoch: Epoch
    """The ledger that the number belongs to."""
    newest: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    """The newest sequence number given; 0 if the ledger is empty."""
    published_at: Moment
    """When the publisher made the message, UTC."""
    interval: Annotated[float, Meta(gt=0, le=sys.float_info.max)]
    """Seconds until the next one, so that a listener knows what late means."""
    behind: bool = False
    """True while many changes have no number yet: then `newest` is not all there is."""

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        put_in_utc(self, "published_at")
