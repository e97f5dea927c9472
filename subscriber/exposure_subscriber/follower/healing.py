"""When to ask for what is missing, and for how much of it.

A heartbeat comes in the same queue as the summaries, behind all that were sent before it: what is missing when it is
read is truly missing. Then it is asked for, a little at a time, and again only if the answer stalls. Answers stand in
the queue before whatever comes live, so no more is asked for than is written in the time that a live message may wait.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final

from exposure_schemas import Span

STALLED: Final = 15.0
"""Seconds without a replayed message after which the question is asked again."""

MOST_ASKED: Final = 1000
"""Numbers whose answer is on its way; when half of it is here, more is asked for, so that the relay is not idle."""

MOST_SPANS: Final = 1000
"""Spans in one request."""


class Healing:
    """Keeps in mind what was asked, and when the answer last moved."""

    def __init__(self) -> None:
        self._waiting_since: float | None = None
        self._asked_up_to = 0
        self._horizon = 0

    def forget(self) -> None:
        """Ask anew at the next heartbeat: the connection was lost, and the question or its answer with it."""
        self._waiting_since = None

    def ask_for(self, missing: Sequence[Span]) -> tuple[Span, ...]:
        """Return what to ask for at a heartbeat; empty if nothing is missing, or an answer is on its way.

        Args:
            missing: The missing spans, ascending.
        """
        if not missing:
            self._waiting_since = None
            return ()
        self._horizon = missing[-1][1]
        if self._waiting_since is None or monotonic() - self._waiting_since >= STALLED:
            self._asked_up_to = 0
        return self._ask_for_more(missing)

    def go_on(self, missing: Sequence[Span]) -> tuple[Span, ...]:
        """Return what to ask for after replayed messages have been written; empty if enough is on its way.

        Args:
            missing: The spans that are still missing, ascending.
        """
        if self._waiting_since is None:
            return ()
        self._waiting_since = monotonic()
        return self._ask_for_more(missing)

    def _ask_for_more(self, missing: Sequence[Span]) -> tuple[Span, ...]:
        asked_up_to = self._asked_up_to
        on_its_way = sum(min(last, asked_up_to) - first + 1 for first, last in missing if first <= asked_up_to)
        if on_its_way > MOST_ASKED // 2:
            return ()
        asked = tuple(self._not_asked(missing, MOST_ASKED - on_its_way))
        if asked:
            self._waiting_since = monotonic()
            self._asked_up_to = asked[-1][1]
        return asked

    def _not_asked(self, missing: Sequence[Span], most: int) -> Iterator[Span]:
        """Yield what is missing beyond what was asked for, as far as a heartbeat has told of it."""
        spans = 0
        for span in missing:
            first, last = max(span[0], self._asked_up_to + 1), min(span[1], self._horizon)
            if most <= 0 or spans == MOST_SPANS:
                return
            if first <= last:
                yield first, min(last, first + most - 1)
                most -= min(last, first + most - 1) - first + 1
                spans += 1
