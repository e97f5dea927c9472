"""`ICSInterface` as QLF uses it: built in a parent and used in forked children, and alarms outside any ``try``."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.caching import Cached
from tests.listening import Listener, listening

import ICSInterface
from exposure_schemas import ALARM_LEVELS, Alarm
from exposure_schemas.routing import ALARM_EXCHANGE
from exposure_subscriber.alarms import AlarmOutbox
from exposure_subscriber.cache import open_cache

FORK = multiprocessing.get_context("fork")
NOBODY = "amqp://127.0.0.1:1"


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    with Cached(cache_url) as made:
        yield made


def in_child(work: Callable[[], Any]) -> Any:
    """Return what a forked child returns."""
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=lambda: theirs.send(work()))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    return ours.recv()


# Forked children.


def test_an_interface_built_and_used_in_a_parent_serves_its_forked_children(cached: Cached, cache_url: str) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url, broker_url=NOBODY)
    cached.expose(1, data_written=True)
    cached.beat()

    def look() -> list[int]:
        return [row["expid"] for row in ics.get_exposure_summary(expid_range=(0, 99))]

    assert in_child(look) == [1], "before its first use in the parent"
    assert look() == [1]
    cached.expose(2, data_written=True)
    assert in_child(look) == [1, 2]
    assert in_child(lambda: ics.alarm("smoke")) is False
    assert look() == [1, 2], "the parent's own connection lives on"
    assert ics.status()["alarms_waiting"] == 1
    assert in_child(lambda: [each["expid"] for each in ics.new_exposures(timeout=0)]) == [1, 2]
    assert list(ics.new_exposures(timeout=0)) == []


def test_a_child_of_a_child_is_served_too(cached: Cached, cache_url: str) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url)
    cached.beat()
    assert ics.status()["complete"]
    assert in_child(lambda: (ics.status()["complete"], in_child(lambda: ics.status()["complete"]))) == (True, True)


def test_threads_share_an_interface(cached: Cached, cache_url: str) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url)
    cached.expose(1, data_written=True)
    cached.beat()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(len(ics.get_exposure_summary("last")) for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [1] * 80


def _read(cache_url: str, done: Any, results: Any) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url)
    counts = []
    while not done.is_set():
        counts.append(len(ics.get_exposure_summary(expid_range=(0, 10**9))))
    counts.append(len(ics.get_exposure_summary(expid_range=(0, 10**9))))
    results.send((counts == sorted(counts), len(counts) > 1, counts[-1]))


def test_many_read_while_one_writes(cached: Cached, cache_url: str) -> None:
    cached.beat()
    done = FORK.Event()
    pipes = [FORK.Pipe() for _ in range(4)]
    readers = [FORK.Process(target=_read, args=(cache_url, done, theirs)) for _, theirs in pipes]
    for reader in readers:
        reader.start()
    for first in range(0, 1000, 50):
        cached.expose_many(range(first, first + 50), data_written=True)
    done.set()
    for reader in readers:
        reader.join(60)
    assert [reader.exitcode for reader in readers] == [0] * 4
    assert [ours.recv() for ours, _ in pipes] == [(True, True, 1000)] * 4


# Alarms.


@pytest.fixture
def ears(broker_url: str) -> Iterator[Listener]:
    """ICS, listening to alarms."""
    with listening(broker_url, (ALARM_EXCHANGE, "#")) as opened:
        yield opened


@pytest.mark.parametrize("level", ALARM_LEVELS)
def test_an_alarm_comes_to_ics_with_who_raised_it(level: str, broker_url: str, ears: Listener, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/no-cache-is-needed.sqlite"
    ics = ICSInterface.ICSInterface(cache_url=url, broker_url=broker_url, subscriber="qlf2")
    assert ics.alarm("spectrograph 3: no arc lines ☄", level=level) is True
    ears.wait_until(lambda heard: heard.heard, "the alarm")
    (heard,) = ears.heard
    alarm = heard.message
    assert isinstance(alarm, Alarm)
    assert (alarm.message, alarm.level, alarm.subscriber) == ("spectrograph 3: no arc lines ☄", level, "qlf2")
    assert heard.routing_key == level.lower()
    assert alarm.host


def test_an_alarm_is_an_event_unless_something_else_is_said(broker_url: str, ears: Listener, tmp_path: Path) -> None:
    ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/c.sqlite", broker_url=broker_url).alarm("hello")
    ears.wait_until(lambda heard: [each.routing_key for each in heard.heard] == ["event"], "the event")


def test_an_alarm_without_a_broker_is_kept(cached: Cached, cache_url: str, caplog: pytest.LogCaptureFixture) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url, broker_url=NOBODY)
    assert ics.alarm("smoke", level="CRITICAL") is False
    assert AlarmOutbox(open_cache(cache_url)).waiting() == ics.status()["alarms_waiting"] == 1
    assert "the alarm is kept for later: the broker at 127.0.0.1:1 does not answer: " in caplog.text
    assert "Connection refused" in caplog.text
    assert cached.count == 0


def test_an_alarm_that_nobody_hears_is_kept(
    broker_url: str, cached: Cached, cache_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ics = ICSInterface.ICSInterface(cache_url=cache_url, broker_url=broker_url)
    with listening(broker_url) as topology:
        topology.channel.exchange_declare(ALARM_EXCHANGE, "topic", durable=True)
    assert ics.alarm("smoke") is False
    assert "nobody listens to exposures.alarms at the broker now" in caplog.text
    assert ics.status()["alarms_waiting"] == 1
    assert cached.count == 0


def test_only_the_newest_alarms_are_kept(cached: Cached, cache_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exposure_subscriber.alarms.MOST_WAITING", 2)
    ics = ICSInterface.ICSInterface(cache_url=cache_url, broker_url=NOBODY)
    for number in range(4):
        ics.alarm(f"alarm {number}")
    assert ics.status()["alarms_waiting"] == 2
    assert cached.count == 0


@pytest.mark.parametrize(
    ("message", "level", "said"),
    [
        ("smoke", "FATAL", "alarm level 'FATAL': ICS knows EVENT, WARN, ALARM, CRITICAL"),
        ("smoke", "event", "alarm level 'event'"),
        ("smoke", None, "alarm level None"),
        ("smoke", ["EVENT"], r"alarm level \['EVENT'\]"),
        ("", "EVENT", "alarm message ''"),
        (None, "EVENT", "alarm message None"),
        (b"smoke", "EVENT", "alarm message b'smoke'"),
        ("x" * 10_001, "EVENT", "length <= 10000"),
        ("\ud800", "EVENT", r"alarm message '\\ud800'"),
    ],
)
def test_an_alarm_that_says_nothing_is_refused(message: Any, level: Any, said: str, tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/c.sqlite", broker_url=NOBODY)
    with pytest.raises(ICSInterface.InvalidAlarm, match=said):
        ics.alarm(message, level)


def test_an_alarm_that_can_neither_be_sent_nor_kept_is_said(tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/absent.sqlite", broker_url=NOBODY)
    with pytest.raises(ICSInterface.CacheUnavailable, match="is `exposure-bus follow` running here"):
        ics.alarm("smoke")
