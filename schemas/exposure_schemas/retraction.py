"""An exposure that the exposureDB holds no more."""

from msgspec import Struct

from exposure_schemas.exposure import Expid, Sequence


class Retraction(Struct, frozen=True, kw_only=True):
    """An exposure that was announced before, and whose row is gone since: whoever keeps it drops it."""

    expid: Expid
    """Exposure number."""
    sequence: Sequence
    """The ledger's number of this change; a state of the exposure under a higher one brings it back."""
