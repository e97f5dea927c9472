"""The follower with a real broker: first the cache, then the ack; what is missing is healed; poison stops nothing."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from tests.in_threads import running
from tests.integration.following import Bus, locked, made
from tests.listening import Listener, listening
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.odd_headers import OddTime, odd_headers
from exposure_bus.broker.topology import declare_follower
from exposure_bus.errors import BrokerRefused, DatabaseRefused, DatabaseUnreachable
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay
from exposure_schemas import JSON, Alarm, Exposure, ReplayRequest, encode, follower_queue
from exposure_schemas.routing import ALARM_EXCHANGE, EVERYBODY, EXCHANGE
from exposure_subscriber.alarms import AlarmOutbox, make_alarm
from exposure_subscriber.cache import CacheDatabase, open_cache, postgresql, sqlite
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.writing import CacheWriter
from exposure_subscriber.follower import Follower, follower, healing

NIGHT = 20230913
Log = pytest.LogCaptureFixture


@pytest.fixture
def speaker(broker_url: str, subscriber: str) -> Iterator[Listener]:
    """A publisher that speaks to a follower's queue."""
    declare(broker_url, "test", declare_follower(subscriber))
    with listening(broker_url) as opened:
        yield opened


@pytest.fixture
def bus(broker_url: str, subscriber: str, tmp_path: Path, speaker: Listener) -> Bus:
    """The bus to a follower whose cache is a SQLite file, for what the cache has no part in."""
    return made(Bus(broker_url, subscriber, f"sqlite:///{tmp_path}/cache.sqlite", speaker))


@pytest.fixture
def either_bus(broker_url: str, subscriber: str, cache_url: str, speaker: Listener) -> Bus:
    """The bus to a follower with a cache on either database."""
    return made(Bus(broker_url, subscriber, cache_url, speaker))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a lock, or to try again."""
    monkeypatch.setattr(follower, "RETRY", 0.05)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT", 0.05)


# From the queue into the cache.


def test_what_is_published_is_cached_and_acked(either_bus: Bus) -> None:
    with running(either_bus.follower()):
        either_bus.announce(1, 1, exptype="science", program="dark")
        either_bus.announce(2, 2, data_written=True)
        either_bus.announce(1, 3, content_type=JSON, seeing=1.1)
        either_bus.wait_for({1: 3, 2: 2})
    assert either_bus.waiting() == 0
    assert read_freshness(open_cache(either_bus.cache_url)).complete_up_to == 3


def test_what_came_while_it_was_away_waits_for_it(bus: Bus) -> None:
    for number in range(1, 301):
        bus.announce(number % 50, number)
    with running(bus.follower()):
        bus.wait_for({number % 50: number for number in range(251, 301)})
    with running(bus.follower()):
        bus.announce(7, 301)
        wait_until(lambda: bus.cached()[7] == 301, "what came later")
    assert bus.waiting() == 0


def test_a_message_is_acked_only_when_it_is_in_the_cache(either_bus: Bus, caplog: Log) -> None:
    with running(either_bus.follower()) as thread:
        either_bus.announce(1, 1)
        either_bus.wait_for({1: 1})
        with locked(either_bus.cache_url):
            either_bus.announce(2, 2)
            wait_until(lambda: "trying again until it takes it" in caplog.text, "the follower failing to write")
            thread.stop()
    wait_until(lambda: either_bus.waiting() == 1, "the message being back in its queue")
    assert either_bus.cached() == {1: 1}
    with running(either_bus.follower()):
        either_bus.wait_for({1: 1, 2: 2})


def test_a_locked_cache_is_said_once_and_nothing_is_lost(either_bus: Bus, caplog: Log) -> None:
    caplog.set_level(logging.INFO)
    with running(either_bus.follower()):
        either_bus.announce(1, 1)
        either_bus.wait_for({1: 1})
        with locked(either_bus.cache_url):
            either_bus.announce(2, 2)
            wait_until(lambda: "trying again until it takes it" in caplog.text, "it being said")
            either_bus.announce(3, 3)
        either_bus.wait_for({1: 1, 2: 2, 3: 3})
        wait_until(lambda: "the cache takes messages again" in caplog.text, "the end of it being said")
    assert caplog.text.count("trying again until it takes it") == 1
    assert caplog.text.count("connected to the broker") == 1, "the connection lived on"


def test_an_older_state_never_replaces_a_newer_one(bus: Bus) -> None:
    with running(bus.follower()):
        for sequence in (5, 3, 5, 4):
            bus.announce(1, sequence)
        bus.announce(2, 6)
        wait_until(lambda: 2 in bus.cached(), "the last")
    assert bus.cached() == {1: 5, 2: 6}


# Poison.


def test_what_cannot_be_read_is_set_aside_with_its_reason_and_what_follows_gets_through(either_bus: Bus) -> None:
    good = either_bus.summary(covers=(1, 1))
    properties = properties_for(good, "id")
    foreign = {
        "type": "exposure-summary",
        "content_type": "application/msgpack",
        "headers": {"schema_version": 1},
    }
    beyond = pika.BasicProperties(**foreign | {"headers": {"schema_version": 2}})
    poison = [
        (b"\xc1 no msgpack", properties, "unreadable"),
        (b"", properties, "unreadable"),
        (encode(good)[:-3], properties, "unreadable"),
        (b"\x81\xa1x" + b"\x91" * 100_000, properties, "too-deep"),
        (b"\x80", properties, "invalid"),
        (encode(good).replace(b"ours", b"\xff\xfe\xfd\xfc"), properties, "unreadable"),
        (encode(good), beyond, "unknown-version"),
        (encode(good), pika.BasicProperties(), "unknown-type"),
        (encode(good), pika.BasicProperties(**foreign | {"type": "of\0nobody"}), "unknown-type"),
        (encode(good), pika.BasicProperties(**foreign | {"content_type": "text/plain"}), "unknown-encoding"),
        (b"x" * (8 * 2**20 + 1), properties, "too-large"),
    ]
    with running(either_bus.follower()):
        for number, (body, said, _) in enumerate(poison, 1):
            either_bus.throw(body, said)
            either_bus.announce(number, number)
        either_bus.wait_for({number: number for number in range(1, len(poison) + 1)})
    assert [reason for reason, _, _ in either_bus.rejected()] == [reason for _, _, reason in poison]
    assert either_bus.waiting() == 0


def test_a_message_whose_headers_pika_cannot_read_stops_nothing(bus: Bus) -> None:
    odd = pika.BasicProperties(type="of nobody", headers={"at": OddTime(2**60)})
    with running(bus.follower()):
        with odd_headers():
            bus.throw(b"\x80", odd)
        bus.announce(1, 1)
        bus.wait_for({1: 1})
    assert [reason for reason, _, _ in bus.rejected()] == ["unknown-type"]


def test_a_message_of_ours_that_does_not_belong_here_is_set_aside(bus: Bus) -> None:
    request = ReplayRequest(subscriber="x", epoch="ours", missing=((1, 1),), requested_at=datetime.now(UTC))
    alarm = make_alarm("smoke", "ALARM", "qlf")
    with running(bus.follower()):
        bus.speaker.say(request, EXCHANGE, "exposure.test")
        bus.speaker.say(alarm, EXCHANGE, "exposure.test")
        bus.announce(1, 1)
        bus.wait_for({1: 1})
    assert [(reason, key) for reason, _, key in bus.rejected()] == [("unknown-type", "exposure.test")] * 2


def test_odd_keys_headers_and_texts_of_poison_are_kept_as_they_are_or_shown(either_bus: Bus) -> None:
    odd: dict[str, Any] = {
        "none": None,
        "nested": {"list": [1, "two", b"\xff", None], "moment": datetime(2023, 9, 14, tzinfo=UTC)},
        "largest": 2**63 - 1,
        "nul": "a\0b",
        "bytes": b"\xff\x00",
    }
    properties = pika.BasicProperties(type="odd", headers=odd, message_id="\0", correlation_id="é" * 100)
    with running(either_bus.follower()):
        either_bus.throw(b"\0", properties, key="exposure.\0")
        either_bus.throw(b"\0", properties, key="exposure.ünïcödé")
        either_bus.announce(1, 1)
        either_bus.wait_for({1: 1})
    assert [key for _, _, key in either_bus.rejected()] == ["exposure.\\0", "exposure.ünïcödé"]
    assert execute(either_bus.cache_url, "SELECT properties FROM rejected")[0][0].count("nested") == 1


# Healing.


def test_what_a_heartbeat_shows_to_be_missing_is_asked_for_and_the_answer_heals(bus: Bus) -> None:
    with running(bus.follower()):
        for sequence in (1, 4, 5):
            bus.announce(sequence, sequence)
        bus.beat(7)
        request = bus.wait_for_request()
        assert (request.subscriber, request.epoch) == (bus.subscriber, "ours")
        assert request.missing == ((2, 3), (6, 7))
        found = Exposure(expid=3, sequence=3, night=NIGHT, data_written_at=datetime.now(UTC))
        bus.answer(bus.subscriber, found, covers=(2, 3))
        bus.answer(EVERYBODY, covers=(6, 7))
        bus.wait_for({1: 1, 3: 3, 4: 4, 5: 5})
        freshness = wait_until_complete(bus)
    assert (freshness.complete_up_to, freshness.missing) == (7, ())


def wait_until_complete(bus: Bus) -> Any:
    cache = open_cache(bus.cache_url)
    return wait_until(lambda: (found := read_freshness(cache)).complete and found, "the cache being complete")


def test_nothing_is_asked_for_when_nothing_is_missing(bus: Bus) -> None:
    with running(bus.follower()):
        bus.announce(1, 1)
        bus.beat(1)
        bus.announce(2, 2)
        bus.wait_for({1: 1, 2: 2})
    assert bus.requests() == []


def test_a_new_follower_misses_everything_and_asks_for_it(bus: Bus) -> None:
    with running(bus.follower()):
        bus.beat(1000)
        assert bus.wait_for_request().missing == ((1, 1000),)


def test_the_same_is_not_asked_twice_while_an_answer_is_on_its_way_and_again_when_it_stalls(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(bus.follower()):
        bus.beat(5)
        assert bus.wait_for_request().missing == ((1, 5),)
        bus.beat(5)
        bus.announce(1, 1)
        bus.wait_for({1: 1})
        assert bus.requests() == []
        monkeypatch.setattr(healing, "STALLED", 0.0)
        bus.beat(5)
        assert bus.wait_for_request().missing == ((2, 5),)


def test_a_question_that_nobody_takes_is_gone_when_the_next_is_due(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "STALLED", 0.5)
    with running(bus.follower()):
        bus.beat(5)
        wait_until(lambda: bus.asked() == 1, "a question in the line")
        wait_until(lambda: bus.asked() == 0, "nobody being asked any more")


def test_many_holes_are_asked_for_a_thousand_at_a_time(bus: Bus) -> None:
    with running(bus.follower()):
        for sequence in range(2, 2503, 2):
            bus.announce(1, sequence)
        bus.beat(2502)
        missing = bus.wait_for_request().missing
    assert missing == tuple((number, number) for number in range(1, 2001, 2))


def test_a_relay_and_a_follower_agree_after_whatever_happened(
    either_bus: Bus, exposure_db_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is deleted, the connection cut, and the cache begins with nothing."""
    monkeypatch.setattr("exposure_publisher.relay.relay.HEARTBEAT_INTERVAL", 0.1)
    following = either_bus.follower()
    with ExposureDB(exposure_db_url) as db, running(Relay(either_bus.broker_url, exposure_db_url)), running(following):
        for turn in range(1, 61):
            db.record_many([{"expid": turn * step % 17, "night": NIGHT, "seeing": float(turn)} for step in (1, 3, 5)])
            if turn == 20:
                either_bus.speaker.channel.queue_delete(follower_queue(either_bus.subscriber))
            if turn == 40:
                following._link.loop.add_callback_threadsafe(lambda: following._link.drop("the test wants it"))
        wait_until(lambda: agrees(either_bus, exposure_db_url), "cache and exposureDB agreeing")
        wait_until_complete(either_bus)


def agrees(bus: Bus, exposure_db_url: str) -> bool:
    what = "SELECT expid, seeing FROM exposure ORDER BY expid"
    numbered = execute(exposure_db_url, "SELECT count(*) FROM exposure_change") == [(0,)]
    return numbered and execute(bus.cache_url, what) == execute(exposure_db_url, what)


# One at a time, and the end.


def test_a_second_follower_of_the_same_name_stands_by_until_the_first_ends(bus: Bus) -> None:
    first = bus.follower()
    with running(first) as running_first:
        bus.announce(1, 1)
        bus.wait_for({1: 1})
        with running(bus.follower()):
            bus.announce(2, 2)
            bus.wait_for({1: 1, 2: 2})
            running_first.stop()
            bus.announce(3, 3)
            bus.wait_for({1: 1, 2: 2, 3: 3})
    assert bus.waiting() == 0


def test_a_broker_that_refuses_at_the_start_ends_the_follower(bus: Bus) -> None:
    bus.broker_url = bus.broker_url.replace("guest:guest", "guest:wrong")
    with pytest.raises(BrokerRefused), running(bus.follower()) as ended:
        ended.wait()


def test_a_cache_that_does_not_answer_at_the_start_is_waited_for(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: Log
) -> None:
    """Whoever starts after a power cut may be quicker than its database."""
    tries: list[object] = []

    def open_writer(database: CacheDatabase) -> CacheWriter:
        tries.append(database)
        if len(tries) < 4:
            raise DatabaseUnreachable("the cache is starting up")
        return CacheWriter(database)

    monkeypatch.setattr(follower, "CacheWriter", open_writer)
    monkeypatch.setattr(follower, "RETRY", 0.05)
    with running(bus.follower()):
        bus.announce(1, 1)
        bus.wait_for({1: 1})
    assert caplog.text.count("the cache is starting up; trying again until it does") == 1


def test_a_cache_that_cannot_be_made_ends_the_follower_before_it_begins(bus: Bus) -> None:
    with pytest.raises(DatabaseRefused, match=r"cannot make the cache /dev/null/cache.sqlite"):
        Follower(bus.broker_url, bus.subscriber, open_cache("sqlite:////dev/null/cache.sqlite"))


# Alarms.


@pytest.fixture
def outbox(bus: Bus) -> AlarmOutbox:
    return AlarmOutbox(open_cache(bus.cache_url))


def alarms(heard: Listener) -> list[str]:
    return [each.message.message for each in heard.listen().heard if isinstance(each.message, Alarm)]


def test_alarms_that_were_kept_are_sent_in_their_order_and_are_gone_then(either_bus: Bus) -> None:
    outbox = AlarmOutbox(open_cache(either_bus.cache_url))
    for number in (1, 2, 3):
        outbox.keep(make_alarm(f"alarm {number}", "WARN", "qlf"))
    with listening(either_bus.broker_url, (ALARM_EXCHANGE, "warn")) as ics, running(either_bus.follower()):
        ics.wait_until(lambda heard: len(alarms(heard)) == 3, "three alarms")
        wait_until(lambda: outbox.waiting() == 0, "the outbox being empty")
        assert alarms(ics) == ["alarm 1", "alarm 2", "alarm 3"]


def test_alarms_that_nobody_takes_are_kept_said_once_and_sent_when_somebody_does(
    bus: Bus, outbox: AlarmOutbox, caplog: Log
) -> None:
    caplog.set_level(logging.INFO)
    with listening(bus.broker_url) as ics, running(bus.follower()):
        outbox.keep(make_alarm("smoke", "ALARM", "qlf"))
        for turn in range(1, 6):
            bus.beat(0)
            bus.announce(turn, turn)
            wait_until(lambda: turn in bus.cached(), "a heartbeat and a message being read")  # noqa: B023 (run at once)
        wait_until(lambda: "alarms wait: no queue is bound for it" in caplog.text, "it being said")
        assert outbox.waiting() == 1
        ics.channel.queue_bind(ics.queue, ALARM_EXCHANGE, "#")
        bus.beat(0)
        wait_until(lambda: outbox.waiting() == 0, "the alarm being sent")
        assert alarms(ics) == ["smoke"]
    assert caplog.text.count("alarms wait: ") == 1
    assert "the cache takes messages again" not in caplog.text, "it had never been locked"


def test_an_alarm_that_cannot_be_taken_out_is_sent_once_more(either_bus: Bus, caplog: Log) -> None:
    """Better twice than to stand in the cache for ever as if it were on its way."""
    following = either_bus.follower()
    outbox = following._outbox
    outbox.keep(make_alarm("smoke", "ALARM", "qlf"))
    outbox._on_their_way = {1}
    with locked(either_bus.cache_url):
        following._on_alarms_sent([1])
    assert "the cache " in caplog.text
    with listening(either_bus.broker_url, (ALARM_EXCHANGE, "#")) as ics, running(following):
        wait_until(lambda: outbox.waiting() == 0, "the outbox being empty")
        assert alarms(ics) == ["smoke"]
