"""When to ask for what is missing.

A heartbeat comes in the same queue as the summaries, behind all that were sent before it: what is missing when it is
read is truly missing. Then it is asked for once, and again only if the answer stalls.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Final

from exposure_schemas import Span

STALLED: Final = 15.0
"""Seconds without a replayed message after which the question is asked again."""

MOST_SPANS: Final = 1000
"""Spans in one request; the rest are asked for when these are here."""


class Healing:
    """Keeps in mind what was asked, and when the answer last moved."""

    def __init__(self) -> None:
        self._waiting_since: float | None = None

    def moved(self) -> None:
        """Note that a replayed message came."""
        if self._waiting_since is not None:
            self._waiting_since = monotonic()

    def forget(self) -> None:
        """Ask anew at the next heartbeat: the connection was lost, and the question or its answer with it."""
        self._waiting_since = None

    def ask_for(self, missing: Sequence[Span]) -> tuple[Span, ...]:
        """Return what to ask for now; empty if nothing is missing, or an answer is on its way."""
        if not missing:
            self._waiting_since = None
            return ()
        now = monotonic()
        if self._waiting_since is not None and now - self._waiting_since < STALLED:
            return ()
        self._waiting_since = now
        return tuple(missing[:MOST_SPANS])
