"""What has been replayed, or would be."""

from dataclasses import dataclass

from exposure_publisher.relay.messages import Carried, Outgoing

Ends = tuple[int, int]
"""The lowest and the highest of some numbers."""


@dataclass(slots=True)
class Tally:
    """Counts messages and what they carry."""

    exposures: int = 0
    """Exposures that the messages carried."""
    retractions: int = 0
    """Retractions of others."""
    messages: int = 0
    """Messages."""
    expids: Ends | None = None
    """Lowest and highest expid; None while there is none."""
    sequences: Ends | None = None
    """Lowest and highest sequence number of them."""

    @property
    def carried(self) -> int:
        """Exposures and retractions together."""
        return self.exposures + self.retractions

    def add(self, outgoing: Outgoing) -> None:
        """Count a message."""
        message = outgoing.message
        carried: list[Carried] = [*message.exposures, *message.retracted]
        self.messages += 1
        self.exposures += len(message.exposures)
        self.retractions += len(message.retracted)
        if carried:
            self.expids = _widened(self.expids, [each.expid for each in carried])
            self.sequences = _widened(self.sequences, [each.sequence for each in carried])


def _widened(ends: Ends | None, numbers: list[int]) -> Ends:
    return min(numbers if ends is None else (ends[0], *numbers)), max(numbers if ends is None else (ends[1], *numbers))
