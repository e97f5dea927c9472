"""What stands in the broker: made by whoever comes first, found by who may not make it, refused when it is another."""

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pika
import pytest
from tests.caching import Cached
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.waiting import wait_until

from exposure_bus.broker import BrokerLink, broken_queues, open_channel, publish_once
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import FOLLOWER_ARGUMENTS, Declarer, declare_follower, declare_publisher
from exposure_bus.errors import BrokerRefused, BrokerUnreachable
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay, relay
from exposure_schemas import follower_queue
from exposure_schemas.routing import (
    ALARM_EXCHANGE,
    EVERY_EXPOSURE,
    EXCHANGE,
    LOG_STREAM,
    REJECTED_QUEUE,
    REPLAY_EXCHANGE,
    REQUEST_QUEUE,
)
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.reading import exposure
from exposure_subscriber.follower import Follower
from private_servers import RabbitMQ

DEAD = "amqp://guest:guest@127.0.0.1:1/%2F"


@pytest.fixture
def speaker(broker_url: str) -> Iterator[Listener]:
    with listening(broker_url) as opened:
        yield opened


def test_it_is_declared_as_often_as_somebody_comes(broker_url: str, subscriber: str, speaker: Listener) -> None:
    for _ in range(2):
        declare(broker_url, "test", declare_publisher)
        declare(broker_url, "test", declare_follower(subscriber))
    for queue in (LOG_STREAM, REQUEST_QUEUE, REJECTED_QUEUE, follower_queue(subscriber)):
        speaker.channel.queue_declare(queue, passive=True)
    for exchange in (EXCHANGE, REPLAY_EXCHANGE, ALARM_EXCHANGE):
        speaker.channel.exchange_declare(exchange, passive=True)


def test_what_stands_with_other_arguments_is_refused_and_said(broker_url: str, subscriber: str) -> None:
    other = FOLLOWER_ARGUMENTS | {"x-max-length": 7}
    declare(broker_url, "test", lambda declarer: declarer.queue(follower_queue(subscriber), other))
    with pytest.raises(
        BrokerRefused, match=f"inequivalent arg 'x-max-length' for queue '{follower_queue(subscriber)}'"
    ):
        declare(broker_url, "test", declare_follower(subscriber))


def test_a_message_that_followers_queues_drop_is_kept_as_a_dead_letter(
    broker_url: str, subscriber: str, speaker: Listener
) -> None:
    declare(broker_url, "test", declare_follower(subscriber))
    speaker.channel.basic_publish(EXCHANGE, "exposure.written.science.dark", b"x")
    speaker.channel.basic_publish(EXCHANGE, "heartbeat", b"x")
    messages = speaker.channel.consume(follower_queue(subscriber), inactivity_timeout=30)
    for method, _, _ in itertools.islice(messages, 2):
        speaker.channel.basic_reject(method.delivery_tag, requeue=False)
    speaker.channel.cancel()
    dead = wait_until(lambda: speaker.channel.basic_get(REJECTED_QUEUE, auto_ack=True)[0], "a dead letter")
    assert dead.routing_key == "exposure.written.science.dark"
    assert speaker.channel.basic_get(REJECTED_QUEUE)[0] is None, "a heartbeat is of no use to anybody"


# Least privilege.


@pytest.fixture
def make_user(rabbitmq_node: RabbitMQ) -> Iterator[Callable[[str, str, str], str]]:
    """Make a user with rights (configure, write, read) and return the broker's address for it."""
    made: list[str] = []

    def make(configure: str, write: str, read: str) -> str:
        name = f"user{len(made)}"
        rabbitmq_node.ctl("add_user", name, "secret")
        made.append(name)
        rabbitmq_node.ctl("set_permissions", name, configure, write, read)
        return rabbitmq_node.url.replace("guest:guest", f"{name}:secret")

    yield make
    for name in made:
        rabbitmq_node.ctl("delete_user", name)


@pytest.mark.usefixtures("broker_url")
def test_who_may_not_configure_works_with_what_stands(
    make_user: Callable[[str, str, str], str], rabbitmq_node: RabbitMQ, subscriber: str, tmp_path: Path
) -> None:
    declare(rabbitmq_node.url, "test", declare_follower(subscriber))
    publisher = make_user("^$", "^exposures(\\.replay)?$", "^exposures\\.requests$")
    follower = make_user("^$", "^amq\\.default$", f"^{follower_queue(subscriber)}$".replace(".", "\\."))
    cache = f"sqlite:///{tmp_path}/cache.sqlite"
    database = f"sqlite:///{tmp_path}/db.sqlite"
    with ExposureDB(database) as db, Cached(cache) as cached:
        db.record(expid=1, night=20230913)
        with running(Relay(publisher, database)), running(Follower(follower, subscriber, open_cache(cache))):
            wait_until(lambda: cached.expids() == [1], "the exposure in the cache")


@pytest.mark.usefixtures("broker_url")
def test_who_may_not_configure_is_told_what_is_missing(
    make_user: Callable[[str, str, str], str], subscriber: str
) -> None:
    url = make_user("^$", "^$", "^$")
    with pytest.raises(BrokerRefused, match=f"no queue '{follower_queue(subscriber)}'"):
        declare(url, "test", declare_follower(subscriber))


@pytest.mark.usefixtures("broker_url")
def test_who_may_not_delete_a_queue_that_is_broken_says_so_and_goes_on(
    make_user: Callable[[str, str, str], str],
    rabbitmq_node: RabbitMQ,
    subscriber: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    declare(rabbitmq_node.url, "test", declare_follower(subscriber))
    url = make_user("^$", "^$", "^exposures\\..*$")
    declare(url, "test", lambda declarer: declarer.delete(follower_queue(subscriber)))
    assert f"no right to make the queue {follower_queue(subscriber)} anew" in caplog.text
    with open_channel(rabbitmq_node.url, "test") as channel:
        channel.queue_declare(follower_queue(subscriber), passive=True)


def test_a_queue_that_is_deleted_while_it_is_bound_is_worth_another_try(broker_url: str, subscriber: str) -> None:
    """At the start a refusal would end a daemon."""

    def declare_and_delete(declarer: Declarer) -> None:
        declarer.queue(follower_queue(subscriber), FOLLOWER_ARGUMENTS)
        declarer.delete(follower_queue(subscriber))
        declarer.bind(follower_queue(subscriber), EXCHANGE, EVERY_EXPOSURE)

    with pytest.raises(BrokerUnreachable, match="was deleted while one was bound"):
        declare(broker_url, "test", declare_and_delete)


# Addresses.


def test_the_next_address_is_taken_when_one_does_not_answer(broker_url: str, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/db.sqlite"
    urls = f"{DEAD}, {broker_url}"
    with open_channel(urls, "test") as channel:
        channel.queue_declare(LOG_STREAM, passive=True)
    with ExposureDB(database) as db, listening(broker_url, (EXCHANGE, EVERY_EXPOSURE)) as listener:
        db.record(expid=1, night=20230913)
        with running(Relay(urls, database)):
            listener.wait_for(1)


def test_a_broker_that_is_away_at_the_start_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    link = BrokerLink(DEAD, "test", topology=lambda _declarer: None, opened=lambda _channel: None, lost=lambda: None)
    link.loop.call_later(1.5, link.stop)
    link.run()
    link.close()
    assert caplog.text.count("127.0.0.1:1 does not answer: [Errno 111] Connection refused; trying again") == 1


def test_a_queue_that_is_down_is_made_anew_and_what_it_held_heals(
    rabbitmq_node: RabbitMQ, broker_url: str, subscriber: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_queues, "PATIENCE", 1.0)
    monkeypatch.setattr("exposure_bus.broker.link.LONGEST_DELAY", 0.2)  # well below the patience, as in life
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    url, cache = f"sqlite:///{tmp_path}/db.sqlite", open_cache(f"sqlite:///{tmp_path}/cache.sqlite")
    with ExposureDB(url) as database, closing(cache):
        declare(broker_url, "a test", declare_follower(subscriber))
        take_down(rabbitmq_node, subscriber)
        database.record(expid=1, night=20230913)
        with running(Relay(broker_url, url)), running(Follower(broker_url, subscriber, cache)):
            wait_until(lambda: exposure(cache, 1) is not None, "the exposure being there")


@pytest.mark.usefixtures("broker_url")
def test_a_queue_that_is_down_and_may_not_be_made_anew_is_said_once_and_tried_ever_more_rarely(
    make_user: Callable[[str, str, str], str],
    rabbitmq_node: RabbitMQ,
    subscriber: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    declare(rabbitmq_node.url, "a test", declare_follower(subscriber))
    take_down(rabbitmq_node, subscriber)
    follower = Follower(make_user("^$", ".*", ".*"), subscriber, open_cache(f"sqlite:///{tmp_path}/cache.sqlite"))
    with running(follower):
        wait_until(lambda: follower._link._failures >= 4, "four tries in a row that count as one outage")
    assert caplog.text.count("trying again") == 1
    assert "connected to the broker" not in caplog.text


def take_down(node: RabbitMQ, subscriber: str) -> None:
    """Stop a follower's queue: it can be declared then, and not be consumed from."""
    node.ctl("eval", f"ra:stop_server(quorum_queues, {{'%2F_{follower_queue(subscriber)}', node()}}).")


def test_a_queue_that_refuses_us_and_serves_another_process_is_left(
    broker_url: str, subscriber: str, speaker: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_queues, "PATIENCE", 0.0)
    queue = follower_queue(subscriber)
    declare(broker_url, "the other process", declare_follower(subscriber))
    served = speaker.channel.consume(queue, inactivity_timeout=30)
    speaker.channel.basic_publish(EXCHANGE, "heartbeat", b"1")
    assert next(served)[2] == b"1"
    link = refused(broker_url, subscriber)
    link.declare()
    link.close()
    speaker.channel.basic_publish(EXCHANGE, "heartbeat", b"2")
    assert next(served)[2] == b"2", "it is the same queue"


def test_a_queue_that_refuses_us_and_is_gone_is_made_anew(
    broker_url: str, subscriber: str, speaker: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_queues, "PATIENCE", 0.0)
    link = refused(broker_url, subscriber)
    link.declare()
    link.close()
    speaker.channel.queue_declare(follower_queue(subscriber), passive=True)


def refused(broker_url: str, subscriber: str) -> BrokerLink:
    """A follower's link whose queue has refused to serve it, for long enough."""
    link = BrokerLink(
        broker_url, "test", topology=declare_follower(subscriber), opened=lambda _channel: None, lost=lambda: None
    )
    link._broken.asked(follower_queue(subscriber))
    link._broken.ended(pika.exceptions.ConnectionClosedByBroker(broken_queues.INTERNAL_ERROR, "INTERNAL_ERROR"))
    return link


def test_however_often_a_connection_is_dropped_another_one_comes(broker_url: str) -> None:
    """In whatever state it is: open, or about to be."""
    link = BrokerLink(
        broker_url, "test", topology=lambda _declarer: None, opened=lambda _channel: None, lost=lambda: None
    )
    dropped: list[int] = []

    def drop() -> None:
        dropped.append(1)
        link.drop("the test wants it")
        if len(dropped) < 500:
            link.loop.call_later(0.001, drop)

    with running(link):
        wait_until(lambda: link.connected, "a channel")
        link.loop.add_callback_threadsafe(drop)
        wait_until(lambda: len(dropped) == 500 and link.connected, "a channel after all of it")
    link.close()


# One message.


def test_one_message_arrives_or_it_is_said_that_it_did_not(broker_url: str, speaker: Listener) -> None:
    properties = pika.BasicProperties(message_id="1")
    speaker.channel.queue_bind(speaker.queue, ALARM_EXCHANGE, "warn")
    publish_once(broker_url, "test", exchange=ALARM_EXCHANGE, routing_key="warn", body=b"x", properties=properties)
    speaker.wait_until(lambda heard: [each.body for each in heard.heard] == [b"x"], "the message")
    with pytest.raises(BrokerUnreachable, match=r"nobody listens to exposures\.alarms at the broker now"):
        publish_once(broker_url, "test", exchange=ALARM_EXCHANGE, routing_key="event", body=b"x", properties=properties)
    with pytest.raises(BrokerRefused, match="no exchange 'absent'"):
        publish_once(broker_url, "test", exchange="absent", routing_key="x", body=b"x", properties=properties)


def test_an_error_within_is_translated_and_the_connection_closed(broker_url: str) -> None:
    with pytest.raises(BrokerRefused, match="no queue 'absent'"), open_channel(broker_url, "test") as channel:
        channel.queue_declare("absent", passive=True)
    assert channel.connection.is_closed
