"""What tests of the follower share: a bus that plays the publisher, and sees the cache."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pika
from tests.listening import Heard, Listener
from tests.raw_sql import connected, execute
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_schemas import (
    Exposure,
    ExposureSummary,
    Heartbeat,
    Message,
    ReplayRequest,
    encode,
    follower_queue,
    routing_key,
)
from exposure_schemas.routing import EXCHANGE, HEARTBEAT_KEY, REPLAY_EXCHANGE, REQUEST_QUEUE
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower

NIGHT = 20230913


class Bus:
    """Plays the publisher to one follower, and sees its cache."""

    def __init__(self, broker_url: str, subscriber: str, cache_url: str, speaker: Listener) -> None:
        self.broker_url = broker_url
        self.subscriber = subscriber
        self.cache_url = cache_url
        self.speaker = speaker
        self.epoch = "ours"

    def follower(self) -> Follower:
        return Follower(self.broker_url, self.subscriber, open_cache(self.cache_url))

    def announce(self, expid: int, sequence: int, content_type: str | None = None, **values: Any) -> None:
        """Publish a change, as the relay does."""
        exposure = Exposure(expid=expid, sequence=sequence, night=NIGHT, data_written_at=datetime.now(UTC), **values)
        message = self.summary(exposure, covers=(sequence, sequence))
        if content_type is None:
            self.speaker.say(message, EXCHANGE, routing_key(exposure))
        else:
            body, said = encode(message, content_type), properties_for(message, "id", content_type)
            self.speaker.channel.basic_publish(EXCHANGE, routing_key(exposure), body, said)

    def answer(self, key: str, *exposures: Exposure, covers: tuple[int, int]) -> None:
        """Answer a replay request."""
        self.speaker.say(self.summary(*exposures, covers=covers, replayed=True), REPLAY_EXCHANGE, key)

    def beat(self, newest: int) -> None:
        message = Heartbeat(epoch=self.epoch, newest=newest, published_at=datetime.now(UTC), interval=5)
        self.speaker.say(message, EXCHANGE, HEARTBEAT_KEY)

    def summary(self, *exposures: Exposure, covers: tuple[int, int], replayed: bool = False) -> ExposureSummary:
        return ExposureSummary(
            epoch=self.epoch, covers=covers, replayed=replayed, published_at=datetime.now(UTC), exposures=exposures
        )

    def throw(self, body: bytes, properties: pika.BasicProperties, key: str = "exposure.test") -> None:
        """Publish something that nobody can read."""
        self.speaker.channel.basic_publish(EXCHANGE, key, body, properties)

    def requests(self) -> list[ReplayRequest]:
        """Take the requests that wait for the publisher."""
        found = []
        while (got := self.speaker.channel.basic_get(REQUEST_QUEUE, auto_ack=True))[0] is not None:
            message = decoded(got)
            assert isinstance(message, ReplayRequest)
            found.append(message)
        return found

    def asked(self) -> int:
        """How many requests wait for the publisher."""
        declared = self.speaker.channel.queue_declare(REQUEST_QUEUE, passive=True)
        return int(declared.method.message_count)

    def wait_for_request(self) -> ReplayRequest:
        (request,) = wait_until(self.requests, "a replay request")
        return request

    def cached(self) -> dict[int, int]:
        """Sequence of each exposure in the cache."""
        return dict(execute(self.cache_url, "SELECT expid, sequence FROM exposure"))

    def wait_for(self, expected: dict[int, int]) -> None:
        wait_until(lambda: self.cached() == expected, f"{expected} in the cache")

    def rejected(self) -> list[tuple[Any, ...]]:
        return execute(self.cache_url, "SELECT reason, detail, routing_key FROM rejected ORDER BY id")

    def waiting(self) -> int:
        """How many messages the broker has for the follower, now that it does not run."""
        declared = self.speaker.channel.queue_declare(follower_queue(self.subscriber), passive=True)
        return int(declared.method.message_count)


def decoded(got: Any) -> Message:
    method, properties, body = got
    return Heard(method.routing_key, properties, body).message


def made(bus: Bus) -> Bus:
    open_cache(bus.cache_url).create()
    return bus


@contextlib.contextmanager
def locked(cache_url: str) -> Iterator[None]:
    """Hold a cache so that nobody writes into it."""
    with connected(cache_url) as connection:
        cursor = connection.cursor()
        if cache_url.startswith("sqlite"):
            cursor.execute("BEGIN IMMEDIATE")
        else:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE exposure, follower, alarm IN ACCESS EXCLUSIVE MODE")
        yield
        cursor.execute("ROLLBACK")
