"""The replay itself: many packed messages on their way at once, each kept until the broker has confirmed it."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

from pika.channel import Channel

from exposure_bus.broker import BrokerLink, ConfirmedPublisher
from exposure_bus.broker.topology import Declarer
from exposure_bus.counting import counted
from exposure_bus.errors import BusError, DatabaseError
from exposure_publisher.relay.answers import IN_FLIGHT
from exposure_publisher.relay.messages import Outgoing
from exposure_publisher.replay.errors import NoFollower
from exposure_publisher.replay.pace import Pace
from exposure_publisher.replay.tally import Tally
from exposure_schemas.routing import EVERYBODY, REPLAY_EXCHANGE

log = logging.getLogger(__name__)

RETRY: Final = 1.0
"""Seconds in which nothing is sent after the broker has refused something."""

TICK: Final = 1.0
"""Seconds between looks at what is overdue."""


def declare_replay(declarer: Declarer) -> None:
    """Declare what a replay publishes to."""
    declarer.exchange(REPLAY_EXCHANGE, "direct")


class Replay:
    """Publishes messages to one follower, or to all.

    A connection that is lost comes back, and what was not confirmed is sent again.

    Args:
        broker_url: RabbitMQ.
        messages: What is to be published; taken one by one as there is room.
        to: A follower's name; default: all followers.
        pace: How fast.
        moved: Called with the number of exposures that are confirmed, retracted ones among them.
    """

    def __init__(
        self,
        broker_url: str,
        messages: Iterator[Outgoing],
        *,
        to: str = EVERYBODY,
        pace: Pace,
        moved: Callable[[int], None],
    ) -> None:
        self.tally = Tally()
        """What is confirmed so far."""
        self.finished = False
        """True once everything is confirmed."""
        self._link = BrokerLink(
            broker_url, "exposure-bus replay", topology=declare_replay, opened=self._on_opened, lost=self._on_lost
        )
        self._messages = messages
        self._to = to
        self._pace = pace
        self._moved = moved
        self._publisher: ConfirmedPublisher[int] | None = None
        self._numbers = count()
        self._in_flight: dict[int, Outgoing] = {}
        self._again: deque[Outgoing] = deque()
        self._pumping = False
        self._failure: BusError | None = None

    def run(self) -> None:
        """Publish until everything is confirmed, or `stop`.

        Raises:
            NoFollower: A message had no queue to go to.
            BrokerRefused: The broker refuses.
            DatabaseError: The exposureDB went away while it was read.
        """
        self._link.loop.call_later(TICK, self._tick)
        try:
            self._link.run()
        except SystemExit:  # how the link is stopped while it waits for a connection
            log.debug("stopped while there was no broker")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End `run` soon; safe in a signal handler."""
        self._link.stop()

    def _on_opened(self, channel: Channel) -> None:
        channel.add_on_return_callback(self._on_return)
        self._publisher = ConfirmedPublisher(channel, confirmed=self._on_confirmed, refused=self._on_refused)
        if self._again:
            log.info("sending %s again that had no confirm", counted(len(self._again), "message"))
        self._pump_soon()

    def _on_lost(self) -> None:
        self._publisher = None
        self._again.extend(self._in_flight.values())
        self._in_flight.clear()

    def _pump_soon(self, seconds: float = 0) -> None:
        if not self._pumping:
            self._pumping = True
            self._link.loop.call_later(seconds, self._pump)

    def _pump(self) -> None:
        """Publish one message; then let the loop turn."""
        self._pumping = False
        if self._publisher is None or self._link.blocked or self._failure or len(self._in_flight) >= IN_FLIGHT:
            return  # a connection, the tick or a confirm pumps again
        if wait := self._pace.wait():
            self._pump_soon(wait)
            return
        try:
            outgoing = self._again.popleft() if self._again else next(self._messages, None)
        except DatabaseError as error:
            self._fail(error)
            return
        if outgoing is not None:
            self._send(self._publisher, outgoing)
            self._pump_soon()
        elif not self._in_flight:
            self.finished = True
            self._link.stop()

    def _send(self, publisher: ConfirmedPublisher[int], outgoing: Outgoing) -> None:
        number = next(self._numbers)
        self._in_flight[number] = outgoing
        self._pace.spend(len(outgoing.message.exposures) + len(outgoing.message.retracted))
        publisher.publish(number, REPLAY_EXCHANGE, self._to, outgoing.body, outgoing.properties)

    def _on_confirmed(self, numbers: list[int]) -> None:
        for number in numbers:
            self.tally.add(self._in_flight.pop(number))
        self._moved(self.tally.carried)
        self._pump_soon()

    def _on_refused(self, numbers: list[int], reason: str) -> None:
        self._again.extend(self._in_flight.pop(number) for number in numbers)
        if self._failure is None:
            log.warning("%s did not arrive (%s): sending again", counted(len(numbers), "message"), reason)
            self._pace.hold(RETRY)
            self._pump_soon()

    def _on_return(self, _channel: Channel, _method: Any, _properties: Any, _body: bytes) -> None:
        self._fail(NoFollower(self._to))

    def _fail(self, error: BusError) -> None:
        if self._failure is None:
            self._failure = error
            self._link.stop()

    def _tick(self) -> None:
        self._link.loop.call_later(TICK, self._tick)
        if self._publisher is not None and not self._link.blocked:
            self._publisher.give_up_late()
        self._pump_soon()
