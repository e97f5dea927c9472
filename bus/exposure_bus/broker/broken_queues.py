"""Queues of ours that are there by name, and serve nobody.

A quorum queue whose node died in the moment of its making stays without a leader for ever, and one whose node stopped
on a full disk may be down for good: it can be declared and bound, and ends the connection of whoever consumes from it
(both seen with RabbitMQ 3.10.8). Either holds up every confirm of what is routed to it. It is deleted and made anew;
what it held is brought back by healing.
"""

from time import monotonic
from typing import Final

PATIENCE: Final = 10.0
"""Seconds in which a queue may come up that was down, after a restart of its broker."""

INTERNAL_ERROR: Final = 541
"""AMQP reply code of a broker that cannot reach the queue's process."""


class BrokenQueues:
    """Keeps in mind which queues are to be made anew."""

    def __init__(self) -> None:
        self._broken: dict[str, bool] = {}
        self._asked: set[str] = set()
        self._refusals: dict[str, tuple[float, float]] = {}

    @property
    def asking(self) -> bool:
        """Whether a queue has not accepted its consumer yet."""
        return bool(self._asked)

    def found(self, queue: str) -> None:
        """Note that a queue is broken for everybody."""
        self._broken[queue] = False

    def take(self) -> dict[str, bool]:
        """Return what is to be deleted now, once: what is broken still is found again, and may be whole by then.

        Returns:
            Of each queue, whether it has refused us, and so may serve somebody else.
        """
        broken, self._broken = self._broken, {}
        return broken

    def asked(self, queue: str) -> None:
        """Note that a queue is asked to serve a consumer."""
        self._asked.add(queue)

    def accepted(self, queue: str) -> None:
        """Note that it does."""
        self._asked.discard(queue)
        self._refusals.pop(queue, None)

    def ended(self, error: BaseException | None) -> None:
        """Note that the connection has ended, and how, unless it was we who dropped it.

        What had not accepted its consumer then may be down.
        """
        asked, self._asked = self._asked, set()
        if getattr(error, "reply_code", None) != INTERNAL_ERROR:
            return
        for queue in asked:
            if self._refused_for(queue) >= PATIENCE:
                del self._refusals[queue]
                self._broken[queue] = True

    def _refused_for(self, queue: str) -> float:
        """Return the seconds for which a queue has been refusing; a broker that was away meanwhile starts anew."""
        now = monotonic()
        first, last = self._refusals.get(queue, (now, now))
        first = now if now - last > PATIENCE else first
        self._refusals[queue] = first, now
        return now - first
