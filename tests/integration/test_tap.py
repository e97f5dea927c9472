"""The tap against a real broker: live, out of the log, over restarts, and with poison."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError
from tests.integration.tapping import (
    NOW,
    Publisher,
    expids,
    exposure,
    has_seen,
    log_is_back,
    publishing,
    reading,
    summary,
)
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_bus.broker.topology import Declarer, declare_follower, declare_log, declare_publisher
from exposure_bus.errors import BrokerRefused
from exposure_monitor import feed
from exposure_monitor import tap as tap_module
from exposure_monitor.pattern import Pattern
from exposure_monitor.tap import Tap
from exposure_schemas import Alarm, Heartbeat, alarm_key, encode, follower_queue, routing
from private_servers import RabbitMQ


@pytest.fixture
def publisher(broker_url: str) -> Iterator[Publisher]:
    with publishing(broker_url) as started:
        yield started


def test_a_tap_sees_what_comes_as_it_comes(broker_url: str, publisher: Publisher) -> None:
    publisher.expose(1)
    before = datetime.now(UTC)
    with reading(Tap(broker_url)) as seen:
        publisher.expose(2, 3)
        has_seen(seen, 2, 3)
    first = seen[0]
    assert (first.exchange, first.routing_key, first.type) == (
        "exposures",
        "exposure.written.science.dark",
        "exposure-summary",
    )
    assert (first.problem, first.offset, first.raw) == (None, None, None)
    assert first.published_at is not None
    assert before <= first.published_at <= first.received_at <= datetime.now(UTC)


def test_a_tap_from_the_first_reads_the_log_and_goes_on_live(
    broker_url: str, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    publisher.expose(*range(1, 500))
    with reading(Tap(broker_url, start="first")) as seen:
        wait_until(lambda: len(seen) == 499, "the log is read")
        publisher.expose(500)
        has_seen(seen, *range(1, 501))
    assert [tapped.offset for tapped in seen] == list(range(500))
    assert "trying again" not in caplog.text


def test_a_tap_from_a_moment_shows_nothing_that_was_published_before(broker_url: str, publisher: Publisher) -> None:
    start = datetime.now(UTC) - timedelta(seconds=5)
    publisher.expose(1, 2, published_at=start - timedelta(microseconds=1))
    publisher.expose(3, published_at=start)
    publisher.expose(4, published_at=start + timedelta(seconds=1))
    with reading(Tap(broker_url, start=start)) as seen:
        has_seen(seen, 3, 4)
    with reading(Tap(broker_url, start=start.replace(tzinfo=None) + timedelta(microseconds=1))) as seen:
        has_seen(seen, 4)


@pytest.mark.parametrize("start", ["now", "first"])
def test_a_pattern_selects(start: Any, broker_url: str, publisher: Publisher) -> None:
    with reading(Tap(broker_url, match="exposure.written.*.dark", start=start)) as seen:
        publisher.expose(1)
        publisher.expose(2, program="bright")
        publisher.expose(3, data_written=False)
        publisher.expose(4, exptype="flat")
        has_seen(seen, 1, 4)


def test_what_a_pattern_passes_over_does_not_hold_up_the_rest(broker_url: str, publisher: Publisher) -> None:
    publisher.expose(*range(1, 2 * feed.PREFETCH + 2))
    publisher.expose(999, exptype="zero")
    with reading(Tap(broker_url, match="exposure.written.zero.#", start="first")) as seen:
        has_seen(seen, 999)


@pytest.mark.parametrize("start", ["now", "first"])
def test_poison_is_shown_with_its_reason_and_stops_nothing(start: Any, broker_url: str, publisher: Publisher) -> None:
    foreign = properties_for(summary(exposure(1)), "id")
    foreign.headers = {"schema_version": 99}
    with reading(Tap(broker_url, start=start)) as seen:
        publisher.publish(routing.EXCHANGE, "exposure.written.science.dark", b"\xc1\xff\x00")
        publisher.publish(routing.EXCHANGE, "exposure.written.science.dark", b'{"expid": 7}')
        publisher.publish(routing.EXCHANGE, "exposure.written.science.dark", encode(summary(exposure(1))), foreign)
        publisher.expose(2)
        has_seen(seen, 2)
    reasons = [(tapped.problem or "").partition(":")[0] for tapped in seen]
    assert reasons == ["unknown-type", "unknown-type", "unknown-version", ""]
    assert seen[0].raw is None
    assert seen[1].raw == {"expid": 7}
    assert seen[2].raw["exposures"][0]["data_written_at"] == NOW


def test_a_key_that_is_no_text_is_shown(broker_url: str, publisher: Publisher) -> None:
    with reading(Tap(broker_url)) as seen:
        properties = pika.BasicProperties(type=b"\xfe")
        publisher.channel.basic_publish(routing.EXCHANGE, b"exposure.\xff", b"", properties)
        publisher.expose(1)
        has_seen(seen, 1)
    assert seen[0].routing_key == r"exposure.\xff"
    assert seen[0].type == r"\xfe"
    assert (seen[0].problem or "").startswith("unknown-type")


def test_a_tap_takes_nothing_from_a_follower(broker_url: str, publisher: Publisher, subscriber: str) -> None:
    declare_follower(subscriber)(Declarer(publisher.connection))
    with reading(Tap(broker_url)) as seen, reading(Tap(broker_url, start="first")) as logged:
        publisher.expose(1, 2, 3)
        has_seen(seen, 1, 2, 3)
        has_seen(logged, 1, 2, 3)
    followed = publisher.connection.channel().consume(follower_queue(subscriber), inactivity_timeout=10)
    assert [next(followed)[2] for _ in range(3)] == [tapped.body for tapped in seen]


def test_heartbeats_and_alarms_are_shown_when_asked_for(broker_url: str, publisher: Publisher) -> None:
    heartbeat = Heartbeat(epoch="epoch", newest=7, published_at=NOW, interval=5)
    alarm = Alarm(message="no arc lines", level="WARN", subscriber="qlf", host="host", raised_at=NOW)
    everything = Tap(broker_url, match="#", start="now", heartbeats=True, alarms=True)
    with reading(everything) as seen, reading(Tap(broker_url, match="#")) as fewer:
        publisher.send(routing.EXCHANGE, routing.HEARTBEAT_KEY, heartbeat)
        publisher.send(routing.ALARM_EXCHANGE, alarm_key("WARN"), alarm)
        publisher.expose(1)
        has_seen(seen, 1)
        has_seen(fewer, 1)
    assert [tapped.message for tapped in seen[:2]] == [heartbeat, alarm]
    assert len(fewer) == 1


def test_heartbeats_come_beside_the_log(broker_url: str, publisher: Publisher) -> None:
    publisher.expose(1)
    with reading(Tap(broker_url, start="first", heartbeats=True)) as seen:
        has_seen(seen, 1)
        publisher.send(routing.EXCHANGE, "heartbeat", Heartbeat(epoch="epoch", newest=7, published_at=NOW, interval=5))
        publisher.expose(2)
        wait_until(lambda: len(seen) == 3, "all are seen")
    assert max(tapped.routing_key for tapped in seen) == "heartbeat"
    assert expids(seen) == [1, 2]


def test_nothing_of_a_tap_stays_behind_at_the_broker(broker_url: str, publisher: Publisher) -> None:
    heartbeat = Heartbeat(epoch="epoch", newest=7, published_at=NOW, interval=5)
    with reading(Tap(broker_url, heartbeats=True)):
        publisher.send(routing.EXCHANGE, routing.HEARTBEAT_KEY, heartbeat)  # its queue is there

    def nobody_hears() -> bool:
        try:
            publisher.send(routing.EXCHANGE, routing.HEARTBEAT_KEY, heartbeat)
        except UnroutableError:
            return True
        return False

    wait_until(nobody_hears, "the tap's queue being gone")


def test_a_broken_off_iteration_closes_its_connection(broker_url: str, publisher: Publisher) -> None:
    publisher.expose(1, 2, 3)
    tap = Tap(broker_url, start="first")
    for tapped in tap:
        assert expids([tapped]) == [1]
        break
    assert list(tap) == []


def test_a_user_with_the_rights_of_a_reader_may_tap(
    rabbitmq_node: RabbitMQ, broker_url: str, publisher: Publisher
) -> None:
    own = r"^amq\.gen.*$"
    readable = r"^(amq\.gen.*|exposures|exposures\.alarms|exposures\.log)$"
    rabbitmq_node.ctl("add_user", "reader", "password")
    try:
        rabbitmq_node.ctl("set_permissions", "reader", own, own, readable)
        url = broker_url.replace("guest:guest", "reader:password")
        with reading(Tap(url, alarms=True)) as live, reading(Tap(url, start="first")) as logged:
            publisher.expose(1)
            has_seen(live, 1)
            has_seen(logged, 1)
    finally:
        rabbitmq_node.ctl("delete_user", "reader")


def test_a_broker_without_a_log_is_explained(broker_url: str, publisher: Publisher) -> None:
    publisher.channel.queue_delete(routing.LOG_STREAM)
    with pytest.raises(BrokerRefused, match=r"keeps no log of exposures.*exposure-bus publish"):
        list(Tap(broker_url, start="first"))


def test_a_connection_on_which_nothing_is_promised_is_given_up(
    broker_url: str, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = feed.Feed._on_channel
    answers = iter([False, True])
    monkeypatch.setattr(tap_module, "ANSWER_TIMEOUT", 0.2)
    monkeypatch.setattr(
        feed.Feed, "_on_channel", lambda self, channel: opened(self, channel) if next(answers) else None
    )
    with reading(Tap(broker_url)) as seen:
        publisher.expose(1)
        has_seen(seen, 1)
    assert "what is to be tapped does not answer" in caplog.text


def test_wrong_credentials_are_told_at_once(broker_url: str) -> None:
    with pytest.raises(BrokerRefused, match="refuses the user, the password"):
        list(Tap(broker_url.replace("guest:guest", "guest:wrong")))


@pytest.mark.parametrize("most", [2, 4], ids=["shorter", "longer"])
def test_a_log_made_anew_is_read_on(
    most: int, broker_url: str, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PATIENCE", 0.5)
    with reading(Tap(broker_url, start="first")) as seen:
        publisher.expose(1, 2, 3)
        has_seen(seen, 1, 2, 3)
        publisher.channel.queue_delete(routing.LOG_STREAM)
        declare_log(Declarer(publisher.connection))
        publisher.expose(*range(4, 4 + most))
        has_seen(seen, *range(1, 4 + most))


def test_a_log_whose_beginning_is_gone_says_so(
    broker_url: str, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    publisher.channel.queue_delete(routing.LOG_STREAM)
    small = {"x-queue-type": "stream", "x-max-length-bytes": 2000, "x-stream-max-segment-size-bytes": 1000}
    publisher.channel.queue_declare(routing.LOG_STREAM, durable=True, arguments=small)
    publisher.channel.queue_bind(routing.LOG_STREAM, routing.EXCHANGE, "exposure.#")
    publisher.expose(*range(1, 100))
    with reading(Tap(broker_url, start="first")) as seen:
        wait_until(lambda: 99 in expids(seen), "the rest is read")
        assert 1 not in expids(seen)
        wait_until(lambda: "are no longer kept" in caplog.text, "it says so")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    patterns=st.sets(st.lists(st.sampled_from("ab*##"), min_size=1, max_size=4).map(".".join), min_size=1, max_size=8),
    keys=st.sets(st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=5).map(".".join), min_size=1, max_size=12),
)
def test_patterns_match_as_the_broker_does(patterns: set[str], keys: set[str], publisher: Publisher) -> None:
    channel = publisher.connection.channel()
    exchange = "patterns"
    channel.exchange_declare(exchange, "topic", auto_delete=True)
    queues = {pattern: channel.queue_declare("", exclusive=True).method.queue for pattern in patterns}
    for pattern, queue in queues.items():
        channel.queue_bind(queue, exchange, pattern)
    channel.confirm_delivery()
    for key in keys:
        channel.basic_publish(exchange, key, key.encode())
    for pattern, queue in queues.items():
        assert routed_to(channel, queue) == {key for key in keys if Pattern(pattern).matches(key)}
        channel.queue_delete(queue)
    channel.close()


def routed_to(channel: BlockingChannel, queue: str) -> set[str]:
    bodies = set()
    while (body := channel.basic_get(queue, auto_ack=True)[2]) is not None:
        bodies.add(body.decode())
    return bodies


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker that a test may restart."""
    with RabbitMQ(tmp_path_factory.mktemp("node")) as node:
        yield node


def test_a_restart_of_the_broker_costs_nothing_out_of_the_log(
    own_broker: RabbitMQ, caplog: pytest.LogCaptureFixture
) -> None:
    url = own_broker.url
    with publishing(url) as before:
        declare_publisher(Declarer(before.connection))
        before.expose(1, 2)
    with reading(Tap(url, start="first")) as logged, reading(Tap(url)) as live:
        with publishing(url) as before:
            before.expose(3)
        has_seen(logged, 1, 2, 3)
        has_seen(live, 3)
        own_broker.restart()
        with publishing(url) as after:
            wait_until(lambda: log_is_back(after), "the broker has its log again")
            after.expose(4)
            has_seen(logged, 1, 2, 3, 4)
            wait_until(lambda: "may have been missed" in caplog.text, "the live tap says that it missed something")
            after.expose(5)
            has_seen(logged, 1, 2, 3, 4, 5)
            wait_until(lambda: 5 in expids(live), "the live tap goes on")
