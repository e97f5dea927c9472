"""One exposure's way through the stages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """When the announcement of an exposure's data went through each stage, in microseconds since 1970, UTC.

    None where that is not known. Each moment is by the clock of the host that saw it.
    """

    expid: int
    """Exposure number."""
    sequence: int
    """The number under which its data was announced first."""
    written: int
    """data_written was updated in the exposureDB."""
    numbered: int | None = None
    """The publisher gave it its number, its files being listed."""
    published: int
    """The publisher made the message."""
    confirmed: int | None = None
    """The broker's confirm came back to the publisher."""
    received: int
    """The message came to the follower."""
    cached: int
    """It stood in the cache, ready to be committed."""
    fetched: int | None = None
    """Its files had been brought to a folder, by the first who brought them."""

    def delay(self, begin: str, end: str) -> int | None:
        """Return the microseconds from one stage to another; None if one of the moments is not known."""
        began, ended = getattr(self, begin), getattr(self, end)
        return None if began is None or ended is None else ended - began
