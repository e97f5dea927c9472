"""What has been replayed, or would be."""

from dataclasses import dataclass

from exposure_publisher.relay.messages import Outgoing

Ends = tuple[int, int]
"""The lowest and the highest of some numbers."""


@dataclass(slots=True)
class Tally:
    """Counts messages and what they carry."""

    exposures: int = 0
    """Exposures that the messages carried."""
    messages: int = 0
    """Messages."""
    expids: Ends | None = None
    """Lowest and highest expid; None while there is no exposure."""
    sequences: Ends | None = None
    """Lowest and highest sequence number of the exposures."""

    def add(self, outgoing: Outgoing) -> None:
        """Count a message."""
        exposures = outgoing.message.exposures
        self.messages += 1
        self.exposures += len(exposures)
        if exposures:
            self.expids = _widened(self.expids, [exposure.expid for exposure in exposures])
            self.sequences = _widened(self.sequences, [exposure.sequence for exposure in exposures])


def _widened(ends: Ends | None, numbers: list[int]) -> Ends:
    return min(numbers if ends is None else (ends[0], *numbers)), max(numbers if ends is None else (ends[1], *numbers))
