"""What tests of `rejected` share: a place where messages are set aside, at the broker and in a cache."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pika
import pytest
from tests.listening import Listener
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.broker.odd_headers import odd_headers
from exposure_bus.command import main
from exposure_schemas import Exposure, ExposureSummary, follower_queue
from exposure_schemas.routing import EXCHANGE
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.writing import Batch, CacheWriter, Rejected
from exposure_subscriber.follower.delivery import read_delivery

KEY = "exposure.written.science.dark"
Log = pytest.LogCaptureFixture
Delivery = tuple[Any, pika.BasicProperties, bytes]
NOWHERE = "amqp://127.0.0.1:1"


def summary(expid: int) -> ExposureSummary:
    exposure = Exposure(expid=expid, sequence=expid, night=20230913, data_written_at=datetime.now(UTC))
    covers = (expid, expid)
    return ExposureSummary(
        epoch="ours", covers=covers, replayed=False, published_at=datetime.now(UTC), exposures=(exposure,)
    )


def poison(**values: Any) -> pika.BasicProperties:
    return pika.BasicProperties(**{"type": "of-nobody", "app_id": "foreign", "message_id": "m"} | values)


class Place:
    """A cache and a broker that things are set aside in, and the command."""

    def __init__(self, broker_url: str, subscriber: str, cache_url: str, speaker: Listener) -> None:
        self.broker_url = broker_url
        self.subscriber = subscriber
        self.cache_url = cache_url
        self.channel = speaker.channel
        self._writer = CacheWriter(open_cache(cache_url))
        self._capture: pytest.CaptureFixture[str]

    def keep(self, body: bytes, properties: pika.BasicProperties, **values: Any) -> str:
        """Set a message aside in the cache, as a follower did that could not read it; return its id."""
        odd = read_delivery(pika.spec.Basic.Deliver(routing_key=KEY), properties, body)
        if not isinstance(odd, Rejected):
            said = read_delivery(pika.spec.Basic.Deliver(routing_key=KEY), poison(), body)
            assert isinstance(said, Rejected)
            odd = Rejected(
                reason="unknown-version",
                detail=values.get("detail", said.detail),
                routing_key=KEY,
                properties=json.dumps({name: value for name, value in vars(properties).items() if value is not None}),
                body=body,
            )
        self._writer.write(Batch(rejected=[odd]))
        return str(execute(self.cache_url, "SELECT max(id) FROM rejected")[0][0])

    def bury(self, body: bytes, properties: pika.BasicProperties, key: str = KEY) -> str:
        """Have the broker take a message out of the follower's queue; return its id."""
        before = set(self.ids())
        self.say(EXCHANGE, key, body, properties)
        self.take(1, self.channel.basic_reject, requeue=False)
        (new,) = wait_until(lambda: set(self.ids()) - before, "the dead letter")
        return str(new)

    def say(self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties) -> None:
        """Publish anything, also what pika cannot write."""
        with odd_headers():
            self.channel.basic_publish(exchange, key, body, properties)

    def take(self, count: int, settle: Callable[..., None] | None = None, **how: Any) -> list[Delivery]:
        """Take what waits for the follower, as it does, and ack it."""
        found: list[Delivery] = []
        queue = follower_queue(self.subscriber)
        with odd_headers():
            consumer = self.channel.basic_consume(queue, lambda _channel, *delivery: found.append(delivery))
            wait_until(lambda: self._heard(found) >= count, f"{count} messages for the follower")
        for method, _, _ in found:
            (settle or self.channel.basic_ack)(method.delivery_tag, **how)
        self.channel.basic_cancel(consumer)
        assert len(found) == count
        return found

    def _heard(self, found: list[Delivery]) -> int:
        self.channel.connection.process_data_events(0)
        return len(found)

    def ids(self) -> list[str]:
        """Those in the cache first: the broker's clock has whole seconds."""
        return [row["id"] for row in sorted(self.rows(), key=lambda row: row["from"] == "broker")]

    def rows(self) -> list[dict[str, Any]]:
        code, out, err = self.run("list", "--format", "json")
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]

    def run(self, verb: str, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run a verb; return its exit code and what it wrote."""
        known = {"broker_url": self.broker_url, "cache_url": self.cache_url} | settings
        if verb == "retry":
            known.setdefault("subscriber", self.subscriber)
        flags = [part for name, value in known.items() for part in (f"--{name.replace('_', '-')}", value)]
        with pytest.raises(SystemExit) as ended:
            main(["rejected", verb, *arguments, *flags])
        out, err = self._capture.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err
