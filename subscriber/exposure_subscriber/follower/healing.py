"""When to ask for what is missing, and for how much of it.

A heartbeat comes in the same queue as the summaries, behind all that were sent before it: what is missing when it is
read is truly missing. Then it is asked for, a little at a time, and again only if the answer stalls. Answers stand in
the queue before whatever comes live, so no more is asked for than is written in the time that a live message may wait.
"""

from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Final

from exposure_schemas import Span

STALLED: Final = 15.0
"""Seconds in which nothing of the answer came, after which the question is asked again."""

MOST_ASKED: Final = 4000
"""Numbers whose answer is on its way: what is written in less than a tenth of a second. When half of it is here, more
is asked for, so that nobody is idle meanwhile."""

MOST_SPANS: Final = 1000
"""Spans in one request."""


class Healing:
    """Keeps in mind what was asked for, how much of it is not here yet, and when that last became less."""

    def __init__(self) -> None:
        self._epoch = ""
        self.forget()

    def forget(self) -> None:
        """Ask anew at the next heartbeat: the connection was lost, and the question or its answer with it."""
        self._told_up_to = 0
        self._moved_at = 0.0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._given_up_to = 0
        self._asked_up_to = 0
        self._on_its_way = 0

    def at_heartbeat(self, epoch: str, missing: Sequence[Span]) -> tuple[Span, ...]:
        """Return what to ask for at a heartbeat; empty if nothing is missing, or enough is on its way.

        Args:
            epoch: The ledger that is followed; another than before answers no question that was put to that.
            missing: The missing spans, ascending.
        """
        if epoch != self._epoch:
            self.forget()
        self._epoch = epoch
        self._told_up_to = missing[-1][1] if missing else 0
        return self.go_on(missing)

    def go_on(self, missing: Sequence[Span]) -> tuple[Span, ...]:
        """Return what to ask for after replayed messages have been written; empty if enough is on its way.

        Args:
            missing: The spans that are still missing, ascending.
        """
        self._look(missing)
        if self._on_its_way > MOST_ASKED // 2:
            return ()
        asked = tuple(self._not_asked(missing, MOST_ASKED - self._on_its_way))
        if asked:
            self._asked_up_to, self._moved_at = asked[-1][1], monotonic()
            self._on_its_way += _count(asked)
        return asked

    def _look(self, missing: Sequence[Span]) -> None:
        """Count what is on its way; if there is more of it than before, the cache is a new one."""
        before = self._on_its_way
        self._on_its_way = _count(_beyond(self._given_up_to, _up_to(self._asked_up_to, missing)))
        if self._on_its_way > before:
            self._begin_anew()
        if self._on_its_way < before:
            self._moved_at = monotonic()
        if monotonic() - self._moved_at >= STALLED:
            self._give_up(missing)

    def _give_up(self, missing: Sequence[Span]) -> None:
        """Pass over what does not come, which this follower may not be able to read; in the end, ask for it again."""
        self._given_up_to, self._on_its_way = self._asked_up_to, 0
        if not any(True for _ in self._not_asked(missing, 1)):
            self._begin_anew()

    def _not_asked(self, missing: Sequence[Span], most: int) -> Iterator[Span]:
        """Yield what is missing beyond what was asked for, as far as a heartbeat has told of it."""
        for spans, (first, last) in enumerate(_beyond(self._asked_up_to, _up_to(self._told_up_to, missing))):
            if most <= 0 or spans == MOST_SPANS:
                return
            asked = first, min(last, first + most - 1)
            yield asked
            most -= _count([asked])


def _up_to(highest: int, spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the part of ascending spans that is not beyond a number."""
    for first, last in spans:
        if first > highest:
            return
        yield first, min(last, highest)


def _beyond(number: int, spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the part of ascending spans that is beyond a number."""
    for first, last in spans:
        if last > number:
            yield max(first, number + 1), last


def _count(spans: Iterable[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)
