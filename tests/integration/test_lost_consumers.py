"""A broker that loses a queue's consumer and tells nobody, or has it and sends it nothing, as clusters do at times."""

import itertools
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.raw_sql import execute
from tests.torture.proxy import Proxies, Proxy
from tests.waiting import wait_until

from exposure_bus.broker import Consumer
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower, declare_publisher
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay
from exposure_schemas import Exposure, ExposureSummary, ReplayRequest, follower_queue
from exposure_schemas.routing import EXCHANGE, REPLAY_EXCHANGE, REQUEST_QUEUE
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower
from private_servers import RabbitMQ

NIGHT = 20230913


@pytest.fixture
def proxy(rabbitmq_node: RabbitMQ) -> Iterator[Proxy]:
    proxies = Proxies()
    yield proxies.to(rabbitmq_node.port)
    proxies.close()


def lose(proxy: Proxy, listener: Listener, queue: str) -> None:
    """Delete a queue, and keep it from those who consume from it."""
    proxy.swallows_answers = True
    listener.channel.queue_delete(queue)
    wait_until(lambda: proxy.swallowed, "the broker saying so")
    proxy.swallows_answers = False


def through(proxy: Proxy) -> str:
    return f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F"


def announce(speaker: Listener, expid: int) -> None:
    """Publish an exposure, as the relay does."""
    exposure = Exposure(expid=expid, sequence=expid, night=NIGHT, data_written_at=datetime.now(UTC))
    message = ExposureSummary(
        epoch="ours", covers=(expid, expid), replayed=False, published_at=datetime.now(UTC), exposures=(exposure,)
    )
    speaker.say(message, EXCHANGE, "exposure.pending.none.none")


def cached(cache_url: str, expid: int) -> bool:
    return (expid,) in execute(cache_url, "SELECT expid FROM exposure")


def ask(listener: Listener, epoch: str) -> None:
    """Ask a relay for its first number, as a follower does."""
    request = ReplayRequest(subscriber="qlf", epoch=epoch, missing=((1, 1),), requested_at=datetime.now(UTC))
    listener.say(request, "", REQUEST_QUEUE)


def starve(monkeypatch: pytest.MonkeyPatch, queue: str, times: int) -> None:
    """Have the broker accept the first consumers of a queue, and send them nothing that they ever see."""
    numbers, served = itertools.count(1), Consumer._on_delivery
    found: dict[Consumer, int] = {}

    def deliver(self: Consumer, *delivery: Any) -> None:
        if self._queue != queue or found.setdefault(self, next(numbers)) > times:
            served(self, *delivery)

    monkeypatch.setattr(Consumer, "_on_delivery", deliver)


def test_a_follower_whose_consumer_was_lost_hears_the_publisher_again(
    proxy: Proxy, broker_url: str, subscriber: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_subscriber.follower.follower.SILENCE", 0.5)
    cache_url = f"sqlite:///{tmp_path}/cache.sqlite"

    declare(broker_url, "test", declare_follower(subscriber))
    with listening(broker_url) as speaker, running(Follower(through(proxy), subscriber, open_cache(cache_url))):
        announce(speaker, 1)
        wait_until(lambda: cached(cache_url, 1), "the first exposure in the cache")
        lose(proxy, speaker, follower_queue(subscriber))

        def heard() -> bool:
            announce(speaker, 2)  # the first may come before there is a queue again; a relay would heal it
            return cached(cache_url, 2)

        wait_until(heard, "an exposure in the cache after the queue was lost")


def test_a_relay_whose_consumer_was_lost_answers_requests_again(
    proxy: Proxy, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_publisher.relay.relay.NO_REQUESTS", 0.5)
    monkeypatch.setattr("exposure_publisher.relay.relay.HEARTBEAT_INTERVAL", 0.2)
    exposure_db_url = f"sqlite:///{tmp_path}/exposuredb.sqlite"
    with (
        ExposureDB(exposure_db_url) as db,
        listening(broker_url, (REPLAY_EXCHANGE, "qlf")) as listener,
        running(Relay(through(proxy), exposure_db_url)),
    ):
        db.record(expid=1, night=NIGHT)
        (epoch,) = wait_until(
            lambda: execute(exposure_db_url, "SELECT epoch FROM exposure_ledger_state WHERE confirmed = 1"), "a confirm"
        )[0]
        lose(proxy, listener, REQUEST_QUEUE)
        declare(broker_url, "test", declare_publisher)
        ask(listener, epoch)
        listener.wait_until(lambda heard: bool(heard.heard), "the answer")


def test_a_follower_that_is_sent_nothing_tries_the_next_address(
    broker_url: str, subscriber: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("exposure_subscriber.follower.follower.SILENCE", 0.5)
    cache_url = f"sqlite:///{tmp_path}/cache.sqlite"
    declare(broker_url, "test", declare_follower(subscriber))
    starve(monkeypatch, follower_queue(subscriber), times=1)
    following = Follower(f"{broker_url},{broker_url}", subscriber, open_cache(cache_url))
    with listening(broker_url) as speaker, running(following):
        announce(speaker, 1)
        wait_until(lambda: cached(cache_url, 1), "the exposure in the cache")
    assert caplog.text.count(f"nothing comes from the queue {follower_queue(subscriber)}; trying again") == 1


def test_a_queue_from_which_no_address_sends_anything_is_made_anew(
    broker_url: str, subscriber: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("exposure_subscriber.follower.follower.SILENCE", 0.5)
    monkeypatch.setattr("exposure_subscriber.follower.follower.PREFETCH", 1)
    caplog.set_level(logging.INFO)
    cache_url = f"sqlite:///{tmp_path}/cache.sqlite"
    declare(broker_url, "test", declare_follower(subscriber))
    starve(monkeypatch, follower_queue(subscriber), times=2)
    with listening(broker_url) as speaker, running(Follower(broker_url, subscriber, open_cache(cache_url))):
        for expid in (1, 2, 3):
            announce(speaker, expid)
        wait_until(lambda: caplog.text.count("connected to the broker") == 3, "the third connection")
        assert "does not answer, making it anew" in caplog.text
        announce(speaker, 4)  # a relay would heal what the old one held
        wait_until(lambda: cached(cache_url, 4), "an exposure in the cache after that")


def test_a_relay_that_is_sent_no_requests_tries_another_connection(
    broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_publisher.relay.relay.NO_REQUESTS", 0.5)
    monkeypatch.setattr("exposure_publisher.relay.relay.HEARTBEAT_INTERVAL", 0.2)
    exposure_db_url = f"sqlite:///{tmp_path}/exposuredb.sqlite"
    starve(monkeypatch, REQUEST_QUEUE, times=1)
    with (
        ExposureDB(exposure_db_url) as db,
        listening(broker_url, (REPLAY_EXCHANGE, "qlf")) as listener,
        running(Relay(broker_url, exposure_db_url)),
    ):
        db.record(expid=1, night=NIGHT)
        (epoch,) = execute(exposure_db_url, "SELECT epoch FROM exposure_ledger_state")[0]
        for _ in range(2):
            ask(listener, epoch)
        listener.wait_for(2)
