"""The rights that the page for operators gives are enough, and no more than that."""

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from tests.in_threads import running
from tests.integration.tapping import has_seen, reading
from tests.listening import listening
from tests.waiting import wait_until

import ICSInterface
from exposure_bus.broker import open_channel, publish_once
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower
from exposure_bus.errors import BrokerRefused
from exposure_monitor.tap import Tap
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay, relay
from exposure_schemas import follower_queue
from exposure_schemas.routing import ALARM_EXCHANGE, EXCHANGE
from exposure_subscriber.audit import Audit, Publisher
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.follower import Follower
from private_servers import RabbitMQ

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
USERS = ("ics", "qlf", "tap")


@pytest.fixture
def urls(rabbitmq_node: RabbitMQ, broker_url: str) -> Iterator[dict[str, str]]:
    """The broker's address for each user, with the rights that the page gives."""
    declare(broker_url, "test", declare_follower("qlf"))
    for user in USERS:
        rabbitmq_node.ctl("add_user", user, "secret")
    for line in PAGE.read_text().splitlines():
        if line.startswith("$ rabbitmqctl set_"):
            rabbitmq_node.ctl(*shlex.split(line)[2:])
    yield {user: broker_url.replace("guest:guest", f"{user}:secret") for user in USERS}
    for user in USERS:
        rabbitmq_node.ctl("delete_user", user)
    with open_channel(broker_url, "test") as channel:
        channel.queue_delete(follower_queue("qlf"))


def test_everyone_can_do_what_is_theirs(
    urls: dict[str, str], broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    exposure_db_url, cache_url = f"sqlite:///{tmp_path}/exposuredb.sqlite", f"sqlite:///{tmp_path}/cache.sqlite"
    cache, tap = open_cache(cache_url), Tap(urls["tap"], alarms=True)
    ics = ICSInterface.ICSInterface(cache_url, urls["qlf"], "qlf")
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(ExposureDB(exposure_db_url))
        seen = stack.enter_context(reading(tap))
        stack.enter_context(listening(broker_url, (ALARM_EXCHANGE, "#")))
        stack.enter_context(running(Relay(urls["ics"], exposure_db_url)))
        stack.enter_context(running(Follower(urls["qlf"], "qlf", cache)))
        database.record(expid=1, night=20230913)
        has_seen(seen, 1)
        wait_until(lambda: read_freshness(cache).complete and read_freshness(cache).newest == 1, "a complete cache")
        with Publisher(urls["qlf"], "qlf") as publisher:
            assert Audit(cache, publisher.ask).all_nights().findings == ()
        assert ics.alarm("no arc lines found")
        wait_until(lambda: [each.type for each in seen] == ["exposure-summary", "alarm"], "the alarm on the tap")


@pytest.mark.parametrize("user", ["qlf", "tap"])
def test_nobody_but_the_publisher_can_announce_an_exposure(user: str, urls: dict[str, str]) -> None:
    with pytest.raises(BrokerRefused, match="access to exchange 'exposures'"):
        publish_once(
            urls[user],
            "test",
            exchange=EXCHANGE,
            routing_key="exposure.written.science.dark",
            body=b"",
            properties=pika.BasicProperties(),
        )


def test_nobody_reads_another_followers_queue(urls: dict[str, str], broker_url: str, subscriber: str) -> None:
    declare(broker_url, "test", declare_follower(subscriber))
    for user in USERS:
        with pytest.raises(BrokerRefused, match="access to queue"), open_channel(urls[user], "x") as channel:
            channel.queue_purge(follower_queue(subscriber))
