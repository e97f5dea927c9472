"""Relay and follower out of their real parts, with the broker of the model in place of a connection."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from unittest.mock import patch

from tests.unit.together.broker import Broker, Consuming, Crash, Fate, Publishing

from exposure_bus.broker import envelope_of, properties_for
from exposure_publisher.ledger import open_ledger
from exposure_publisher.relay.answers import AnswerPart, Answers
from exposure_publisher.relay.listings import Listings
from exposure_publisher.relay.live import LiveFlow
from exposure_publisher.relay.messages import MessageMaker
from exposure_schemas import Heartbeat, ReplayRequest, decode, encode
from exposure_schemas.routing import EXCHANGE, HEARTBEAT_KEY
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower

INTERVAL = 5.0
"""Seconds between heartbeats."""


class RelaySide:
    """What a relay is between two losses of its connection.

    Args:
        url: The exposureDB.
        broker: Where it publishes.
        now: The time.
    """

    def __init__(self, url: str, broker: Broker, now: Callable[[], datetime]) -> None:
        self.ledger = open_ledger(url)
        self.channel = Publishing(broker)
        self._broker = broker
        self._now = now
        state = self.ledger.state()
        maker = MessageMaker(state.epoch)
        publisher: Any = self.channel
        nothing_to_list: Any = None
        listings = Listings(nothing_to_list, later=lambda *_: None, wake=lambda: None)
        self.epoch = state.epoch
        self.live = LiveFlow(self.ledger, state, publisher, maker, listings)
        self.answers = Answers(self.ledger, publisher, maker, state.epoch, later=lambda *_: None, wake=lambda: None)

    def work(self, pages: int) -> bool:
        """Publish pages, of what is live first; True if there may be more."""
        more = True
        for _ in range(pages):
            more = self.live.pump() or self.answers.pump(self.live.newest, beside_live=False)[0]
        return more

    def beat(self) -> None:
        """Say how far the ledger is."""
        beat = Heartbeat(
            epoch=self.epoch,
            newest=self.live.sent,
            behind=self.live.behind,
            published_at=self._now(),
            interval=INTERVAL,
        )
        self.channel.publish(None, EXCHANGE, HEARTBEAT_KEY, encode(beat), properties_for(beat, "heartbeat"))

    def hear(self, fate: Fate) -> None:
        """Hear what became of the oldest message in flight."""
        key: Any = self.channel.settle(fate)
        if isinstance(key, AnswerPart):
            self.answers.settled()
        elif key is not None:
            (self.live.confirmed if fate is Fate.STORED else self.live.refused)(key)

    def take_request(self) -> None:
        """Take a request that waits."""
        letter = self._broker.requests.popleft()
        request = decode(letter.body, envelope_of(letter.properties))
        assert isinstance(request, ReplayRequest)
        self.answers.add(request, 0)

    def die(self, arrived: int) -> None:
        """End as by a power cut, after some of what is in flight has arrived."""
        self.channel.lose(arrived)
        self.ledger.close()


class FollowerSide:
    """The follower itself, on a channel of the model's.

    Args:
        url: The cache.
        broker: Whose queue it reads.
        subscriber: Its name.
    """

    def __init__(self, url: str, broker: Broker, subscriber: str) -> None:
        self.cache = open_cache(url)
        self.channel = Consuming(broker)
        self._follower = Follower("amqp://127.0.0.1", subscriber, self.cache)
        self._follower._link.close()
        link: Any = self.channel
        self._follower._link = link
        broker.bind()
        self._follower._on_opened(link)

    def take(self, count: int) -> None:
        """Take messages, which are not written before the loop turns."""
        self.channel.deliver(count)

    def write(self) -> None:
        """Write what was taken, ack it, and ask for what is missing."""
        self.channel.run()

    def die_acking(self) -> None:
        """Write what was taken, and end before it is acked."""
        self.channel.deaf = True
        with suppress(Crash):
            self.write()

    def die_writing(self) -> None:
        """Begin to write what was taken, and end before the commit."""
        with patch.object(self._follower._writer, "write", side_effect=Crash), suppress(Crash):
            self.write()

    def die(self, *, in_front: bool = True) -> None:
        """End as by a power cut: what was not acked goes back, to the front of the queue or behind."""
        self.channel.give_back(in_front=in_front)
        self.cache.close()
