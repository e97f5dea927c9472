"""A broker in memory, which may do to messages whatever a real one does: lose, keep, repeat, send again in disorder."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pika

from exposure_bus.broker.confirms import WINDOW
from exposure_schemas.routing import EVERYBODY, EXCHANGE, REPLAY_EXCHANGE, REQUEST_QUEUE


class Crash(BaseException):
    """A daemon ends here, as by a power cut: nothing of ours catches it."""


class Fate(Enum):
    """What becomes of a message that was published."""

    STORED = "stored, and confirmed"
    UNHEARD = "stored, and the confirm is lost"
    LOST = "lost"


@dataclass(frozen=True)
class Letter:
    """A message on its way."""

    exchange: str
    routing_key: str
    body: bytes
    properties: pika.BasicProperties


class Broker:
    """What stands in the broker for one follower.

    Args:
        subscriber: The follower.
    """

    def __init__(self, subscriber: str) -> None:
        self._subscriber = subscriber
        self.queue: deque[Letter] | None = None
        """The follower's queue; None if there is none."""
        self.requests: deque[Letter] = deque()

    def bind(self) -> None:
        """Declare the follower's queue, as it does with each connection."""
        self.queue = deque() if self.queue is None else self.queue

    def store(self, letter: Letter) -> None:
        """Route a message to where it is bound to; the log, which takes all, is left out here."""
        if letter.routing_key == REQUEST_QUEUE:
            self.requests.append(letter)
        replayed = letter.exchange == REPLAY_EXCHANGE and letter.routing_key in (self._subscriber, EVERYBODY)
        if self.queue is not None and (letter.exchange == EXCHANGE or replayed):
            self.queue.append(letter)


class Publishing:
    """A channel with confirms, as the relay sees it: in order, and each waits for its fate.

    Args:
        broker: Where it leads.
    """

    def __init__(self, broker: Broker) -> None:
        self.in_flight: deque[tuple[object, Letter]] = deque()
        self.left: int | None = None
        """How many more messages are published before the crash; None: there is none."""
        self._broker = broker

    @property
    def room(self) -> int:
        return WINDOW - len(self.in_flight)

    def publish(
        self, key: object, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties
    ) -> None:
        if self.left == 0:
            raise Crash
        self.left = None if self.left is None else self.left - 1
        self.in_flight.append((key, Letter(exchange, routing_key, body, properties)))

    def settle(self, fate: Fate) -> object:
        """Say what became of the oldest; return its key."""
        key, letter = self.in_flight.popleft()
        if fate is not Fate.LOST:
            self._broker.store(letter)
        return key

    def lose(self, arrived: int) -> None:
        """Lose the connection: a few of what is in flight have arrived, and nobody will hear of it."""
        for _ in range(min(arrived, len(self.in_flight))):
            self.settle(Fate.UNHEARD)
        self.in_flight.clear()


class Consuming:
    """A channel from which a follower consumes; stands in for pika's, and for the loop that it lives in.

    Args:
        broker: Whose.
    """

    def __init__(self, broker: Broker) -> None:
        self.deaf = False
        """Whether the follower dies in the moment in which it would ack."""
        self.loop = SimpleNamespace(add_callback=self._soon, call_later=lambda _seconds, call: self._soon(call))
        self._broker = broker
        self._calls: deque[Callable[[], None]] = deque()
        self._unacked: dict[int, Letter] = {}
        self._tag = 0
        self._on_message: Any = None

    def consume(self, _queue: str, on_message: Any) -> Any:
        self._on_message = on_message
        return SimpleNamespace(silence=0.0)

    def deliver(self, count: int) -> None:
        """Send what waits, at most so many."""
        while count and self._broker.queue:
            count, self._tag = count - 1, self._tag + 1
            letter = self._unacked[self._tag] = self._broker.queue.popleft()
            method = SimpleNamespace(delivery_tag=self._tag, routing_key=letter.routing_key)
            self._on_message(self, method, letter.properties, letter.body)

    def run(self) -> None:
        """Let the loop turn until nothing is to be done."""
        while self._calls:
            self._calls.popleft()()

    def give_back(self, *, in_front: bool) -> None:
        """Give back what was not acked, as when the connection is lost."""
        letters, self._unacked = list(self._unacked.values()), {}
        if self._broker.queue is not None:
            if in_front:
                self._broker.queue.extendleft(reversed(letters))
            else:
                self._broker.queue.extend(letters)

    def basic_ack(self, tag: int, *, multiple: bool) -> None:
        if self.deaf:
            raise Crash
        assert multiple
        self._unacked = {number: letter for number, letter in self._unacked.items() if number > tag}

    def basic_publish(self, exchange: str, routing_key: str, body: bytes, properties: Any, **_mandatory: bool) -> None:
        self._broker.store(Letter(exchange, routing_key, body, properties))

    def basic_qos(self, **_count: int) -> None: ...

    def add_on_return_callback(self, _call: Any) -> None: ...

    def confirm_delivery(self, _call: Any) -> None: ...

    def _soon(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
