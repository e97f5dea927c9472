"""Replay: the present state of exposures, published again for followers that are to have them.

It reads the ledger and needs no leadership, so it works beside a running relay. What it publishes twice is harmless:
a follower keeps the newer of two states.
"""

from exposure_publisher.replay.asked import described, selection_of
from exposure_publisher.replay.errors import NoFollower
from exposure_publisher.replay.pace import Pace
from exposure_publisher.replay.pages import messages_of
from exposure_publisher.replay.replay import Replay
from exposure_publisher.replay.tally import Tally

__all__ = ["NoFollower", "Pace", "Replay", "Tally", "described", "messages_of", "selection_of"]
