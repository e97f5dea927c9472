"""Names of exchanges, queues and routing keys: who hears what."""

import re
from typing import Final

from exposure_schemas.alarm import AlarmLevel
from exposure_schemas.exposure import Exposure

EXCHANGE: Final = "exposures"
"""Topic exchange for summaries and heartbeats."""
REPLAY_EXCHANGE: Final = "exposures.replay"
"""Direct exchange for answers to a replay: key is a follower's name, or ``all``."""
ALARM_EXCHANGE: Final = "exposures.alarms"
"""Topic exchange for alarms: key is the level."""
REJECTED_EXCHANGE: Final = "exposures.rejected"
"""Topic exchange for what the broker dead-letters out of followers' queues."""

LOG_STREAM: Final = "exposures.log"
"""Stream of every summary: history for taps."""
REQUEST_QUEUE: Final = "exposures.requests"
"""Queue of replay requests."""
REJECTED_QUEUE: Final = "exposures.rejected"
"""Queue of dead-lettered messages."""

EVERYBODY: Final = "all"
"""Replay key that reaches every follower."""
HEARTBEAT_KEY: Final = "heartbeat"
EVERY_EXPOSURE: Final = "exposure.#"
RETRACTED_KEY: Final = "exposure.retracted"
"""Of a retraction, whatever the exposure was: bound by `EVERY_EXPOSURE`, by no pattern for a kind of exposure."""

_FOREIGN: Final = re.compile(r"[^a-z0-9_-]")


def follower_queue(subscriber: str) -> str:
    """Return the name of a follower's queue."""
    return f"{EXCHANGE}.{subscriber}"


def routing_key(exposure: Exposure) -> str:
    """Return ``exposure.<written|pending>.<exptype>.<program>`` for an exposure."""
    state = "written" if exposure.data_written else "pending"
    return f"exposure.{state}.{_word(exposure.exptype)}.{_word(exposure.program)}"


def alarm_key(level: AlarmLevel) -> str:
    """Return the routing key of an alarm: its level in lower case."""
    return level.lower()


def _word(text: str | None) -> str:
    """Make one word of a routing key: at most 60 characters, since a whole key has at most 255 bytes."""
    return _FOREIGN.sub("_", (text or "").lower())[:60] or "none"
