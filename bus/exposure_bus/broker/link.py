"""A pipelined connection that comes back, and the loop that everything of a daemon runs in.

One thread, one loop: the broker's socket, the database's wake-ups and the timers take turns in it, so there is nothing
to lock, and AMQP heartbeats go out between any two steps.
"""

import logging
import os
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pika import SelectConnection
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

from exposure_bus.broker.blocking import declare
from exposure_bus.broker.broken_queues import BrokenQueues
from exposure_bus.broker.consumer import Consumer, OnMessage, Starved
from exposure_bus.broker.failures import translate
from exposure_bus.broker.gathering import GatheringConnection
from exposure_bus.broker.odd_headers import odd_headers
from exposure_bus.broker.parameters import connection_parameters
from exposure_bus.broker.services import LoopServices
from exposure_bus.broker.topology import Declarer, Topology
from exposure_bus.errors import BrokerError, BrokerRefused, BrokerUnreachable

log = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 3.0
"""Seconds between two tries to connect, before jitter."""

FAREWELL: Final = 3.0
"""Seconds that a broker has to answer a closing: one that is busy takes more than one."""

_CLOSED: Final = -1


class BrokerLink:
    """Keeps one channel open to whichever broker address answers.

    Args:
        broker_url: One address, or several separated by commas; they are tried in turn.
        name: What the connection is called in the broker's own listings.
        topology: Declares what the caller needs; run before each opening.
        opened: Called with each new channel.
        lost: Called when the channel is gone; a new one follows.

    A refusal (credentials, rights, other arguments) before the first opening ends `run` with `BrokerRefused`, since a
    person is there to mend it; later ones are tried again, since the broker may be about to be mended.
    """

    def __init__(
        self,
        broker_url: str,
        name: str,
        *,
        topology: Topology,
        opened: Callable[[Channel], None],
        lost: Callable[[], None],
    ) -> None:
        self.loop = IOLoop()
        self.blocked = False
        """True while the broker takes nothing (memory or disk alarm)."""
        self._name = name
        self._topology = topology
        self._opened = opened
        self._lost = lost
        self._addresses = connection_parameters(broker_url, name)
        self._urls = [url.strip() for url in broker_url.split(",")]
        self._turn = 0
        self._failures = 0
        self._moves = 0
        self._ever_opened = False
        self._settled = False
        self._declaring = False
        self._stopping = False
        self._connection: SelectConnection | None = None
        self._ending: set[SelectConnection] = set()
        self._channel: Channel | None = None
        self._broken = BrokenQueues()
        self._last_said = ""
        # pika's own way to wake its loop takes a lock, which a signal's handler might wait for in vain: it interrupts
        # whoever holds it.
        self._stop_asked = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.loop.add_handler(self._stop_asked, self._on_stop, self.loop.READ)

    @property
    def connected(self) -> bool:
        """Whether a channel is open now."""
        return self._channel is not None

    def run(self) -> None:
        """Connect, and run the loop until `stop`.

        Raises:
            BrokerRefused: The broker refused before the first opening.
        """
        self.loop.call_later(0, self.connect)
        self.go_on()

    def go_on(self) -> None:
        """Run the loop again, after somebody has stopped it by ``loop.stop``; raises as `run`."""
        with odd_headers():  # a message that pika cannot read would end each connection, one after the other
            self.loop.start()

    def close(self) -> None:
        """Give the loop's descriptors back, after `run`."""
        self.loop.close()
        os.close(self._stop_asked)
        self._stop_asked = _CLOSED

    def stop(self) -> None:
        """Close the connection and end `run`; safe in a callback, in another thread and in a signal handler.

        Raises:
            SystemExit: Nothing is open yet and a connection is being made, which may take seconds: end at once.
        """
        if self._declaring:
            raise SystemExit(0)
        if self._stop_asked != _CLOSED:
            os.eventfd_write(self._stop_asked, 1)

    def consume(self, queue: str, on_message: OnMessage) -> Consumer:
        """Consume from a queue on the present channel; a queue that does not answer, or is down, is made anew.

        Returns:
            The consumer, which ends with the channel.
        """
        channel = self._channel
        assert channel is not None, "consume is called by `opened`"  # noqa: S101 (for the type checker)
        channel.add_on_cancel_callback(lambda _frame: self.drop(f"the queue {queue} was deleted"))
        self._broken.asked(queue)
        return Consumer(
            self.loop,
            channel,
            queue,
            on_message=on_message,
            accepted=partial(self._on_accepted, queue, channel),
            unanswered=partial(self._make_anew, queue, channel),
            lost=lambda: self.drop(f"it has lost the consumer of {queue}"),
            starved=partial(self._on_starved, queue, channel),
        )

    def declare(self) -> None:
        """Declare the topology again, in case somebody has deleted of it; what goes wrong comes up by itself."""
        self._declaring = True
        try:
            declare(self._urls[self._turn], f"{self._name} (declaring)", self._declare)
        except BrokerError as error:
            log.warning("%s", error)
        finally:
            self._declaring = False

    def drop(self, reason: str) -> None:
        """Give the connection up at once and open another, as if it had been lost."""
        connection = self._connection
        if connection is None or not connection.is_open:
            return  # another one is on its way already
        self._give_up(connection)
        self._try_again(BrokerUnreachable(f"dropping the connection to the broker at {self._address}: {reason}"))

    def _give_up(self, connection: SelectConnection) -> None:
        """Close a connection, which may take its time; what it still says is passed over."""
        self._connection = None
        self._ending.add(connection)
        self._forget_channel()
        connection.close()

    def _on_starved(self, queue: str, channel: Channel, found: Starved) -> None:
        """Try each address once, since another node may serve the queue; one that none serves is made anew."""
        if found.served:
            self._moves = 0
        if channel is not self._channel:
            return
        if self._moves < len(self._addresses) and (found.waiting or len(self._addresses) > 1):
            self._moves += 1
            self.drop(f"nothing comes from the queue {queue}")
        elif found.waiting and found.alone:
            self._make_anew(queue, channel)

    def _make_anew(self, queue: str, channel: Channel) -> None:
        if channel is self._channel:
            self._broken.found(queue)
            self.drop(f"the queue {queue} does not answer, making it anew")

    def _declare(self, declarer: Declarer) -> None:
        for queue, refused_us in self._broken.take().items():
            if not (refused_us and _serves_somebody(declarer, queue)):
                declarer.delete(queue)
        self._topology(declarer)

    def connect(self) -> None:
        """Connect, and connect again whenever the connection is lost; in the loop."""
        if self._stopping:
            return
        self._declaring = True
        try:
            declare(self._urls[self._turn], f"{self._name} (declaring)", self._declare)
        except BrokerError as error:
            self._try_again(error)
            return
        finally:
            self._declaring = False
        self._connection = GatheringConnection(
            self._addresses[self._turn],
            on_open_callback=self._on_connection,
            on_open_error_callback=lambda _connection, error: self._try_again(translate(error, self._address)),
            on_close_callback=self._on_close,
            custom_ioloop=LoopServices(self.loop),
        )

    @property
    def _address(self) -> str:
        parameters = self._addresses[self._turn]
        return f"{parameters.host}:{parameters.port}"

    def _try_again(self, error: BrokerError) -> None:
        if self._stopping:
            self.loop.stop()
            return
        if isinstance(error, BrokerRefused) and not self._ever_opened:
            raise error
        if str(error) != self._last_said:  # one line an outage, not one a try
            self._last_said = str(error)
            log.warning("%s; trying again until it does", error)
        rounds = self._failures // len(self._addresses)
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(rounds, 10))
        self._failures += 1
        self._turn = (self._turn + 1) % len(self._addresses)
        self.loop.call_later(delay * random.uniform(0.5, 1.0), self.connect)  # noqa: S311 (jitter, no secret)

    def _on_connection(self, connection: SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        if channel.connection is not self._connection:
            return  # it was dropped meanwhile
        self._ever_opened, self._channel = True, channel
        channel.add_on_close_callback(self._on_channel_close)
        self._opened(channel)
        self._settle()

    def _on_accepted(self, queue: str, channel: Channel) -> None:
        if channel is self._channel:
            self._broken.accepted(queue)
            self._settle()

    def _settle(self) -> None:
        """End the outage once every queue has accepted its consumer: one that is down ends each connection anew."""
        if self._settled or self._channel is None or self._broken.asking:
            return
        self._settled, self._failures, self._last_said = True, 0, ""
        log.info("connected to the broker at %s", self._address)

    def _on_channel_close(self, channel: Any, error: Exception) -> None:
        ours = channel is self._channel and not self._stopping
        if ours and channel.connection.is_open:
            self.drop(f"the channel was closed: {translate(error, self._address)}")

    def _on_close(self, connection: SelectConnection, error: Exception) -> None:
        if connection is self._connection:
            self._forget_channel(error)
            self._try_again(translate(error, self._address))
            return
        self._ending.discard(connection)
        if self._stopping and not self._ending:
            self.loop.stop()

    def _forget_channel(self, error: Exception | None = None) -> None:
        self._broken.ended(error)
        self.blocked = self._settled = False
        if self._channel is not None:
            self._channel = None
            self._lost()

    def _on_blocked(self, _connection: SelectConnection, frame: Any) -> None:
        self.blocked = True
        log.warning("the broker takes nothing now (%s): waiting for it", frame.method.reason)

    def _on_unblocked(self, _connection: SelectConnection, _frame: Any) -> None:
        self.blocked = False
        log.info("the broker takes messages again")

    def _on_stop(self, descriptor: int, _events: int) -> None:
        os.eventfd_read(descriptor)
        self._hang_up()

    def _hang_up(self) -> None:
        """Close politely; a broker that does not answer in time is left."""
        if self._stopping:
            return
        self._stopping = True
        connection = self._connection
        if connection is not None and not connection.is_closing and not connection.is_closed:
            self._give_up(connection)
        if self._ending:
            self.loop.call_later(FAREWELL, self.loop.stop)
        else:
            self.loop.stop()


def _serves_somebody(declarer: Declarer, queue: str) -> bool:
    """Look whether a queue that has refused us is one that another process of the same name is served by."""
    serves = declarer.consumers(queue) > 0
    log.warning("the queue %s %s", queue, "serves another, not us: leaving it" if serves else "is down, making it anew")
    return serves
