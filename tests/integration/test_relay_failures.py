"""The relay when something is wrong: with the broker, with the exposureDB, or with what somebody wrote into it."""

import contextlib
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pika.exceptions import UnroutableError
from tests.in_threads import running
from tests.integration.tapping import Publisher, publishing
from tests.listening import Listener, listening
from tests.raw_sql import connected, execute
from tests.waiting import wait_until

from exposure_bus.broker import ConfirmedPublisher
from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher import ExposureDB
from exposure_publisher.exposuredb import engine
from exposure_publisher.relay import Relay, relay, source, stall
from exposure_publisher.relay.leadership import lead
from exposure_schemas import Exposure, ExposureSummary
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, HEARTBEAT_KEY, LOG_STREAM
from private_servers import RabbitMQ

NIGHT = 20230913

Log = pytest.LogCaptureFixture


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/exposuredb.sqlite"


@pytest.fixture
def db(url: str) -> Iterator[ExposureDB]:
    with ExposureDB(url) as database:
        yield database


@pytest.fixture
def listener(broker_url: str) -> Iterator[Listener]:
    with listening(broker_url, (EXCHANGE, EVERY_EXPOSURE), (EXCHANGE, HEARTBEAT_KEY)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "RETRY", 0.05)


def record(db: ExposureDB, *expids: int, **values: Any) -> None:
    db.record_many([{"expid": expid, "night": NIGHT, **values} for expid in expids])


def accounted(messages: list[ExposureSummary]) -> set[int]:
    return {number for each in messages if each.covers for number in range(each.covers[0], each.covers[1] + 1)}


def exposures(messages: list[ExposureSummary]) -> dict[int, Exposure]:
    return {exposure.expid: exposure for message in messages for exposure in message.exposures}


# The broker.


def test_what_no_queue_takes_is_sent_again_until_one_does(
    broker_url: str, url: str, db: ExposureDB, caplog: Log
) -> None:
    """More than a window of them: none is left behind."""
    with listening(broker_url, (EXCHANGE, HEARTBEAT_KEY)) as listener, running(Relay(broker_url, url)):
        without_the_log(listener)
        record(db, *range(1, 2501))
        wait_until(lambda: numbered(url) == 2500, "all of them having been sent")
        wait_until(lambda: "did not arrive (no queue is bound for it): sending them again" in caplog.text, "a return")
        listener.channel.queue_bind(listener.queue, EXCHANGE, EVERY_EXPOSURE)
        listener.wait_until(lambda heard: accounted(heard.summaries) >= set(range(1, 2501)), "all of them")
        wait_until(lambda: confirmed(url) == 2500, "all of them confirmed")


def without_the_log(listener: Listener) -> None:
    """Leave no queue that takes exposures, once the relay, which makes one, is at work."""
    listener.wait_until(lambda heard: heard.heartbeats, "the relay at work")
    listener.channel.queue_unbind(LOG_STREAM, EXCHANGE, EVERY_EXPOSURE)


def numbered(url: str) -> int:
    return int(execute(url, "SELECT newest FROM exposure_ledger_state")[0][0])


def confirmed(url: str) -> int:
    return int(execute(url, "SELECT confirmed FROM exposure_ledger_state")[0][0])


def test_what_was_sent_again_is_the_present_state(broker_url: str, url: str, db: ExposureDB, caplog: Log) -> None:
    with listening(broker_url, (EXCHANGE, HEARTBEAT_KEY)) as listener, running(Relay(broker_url, url)):
        without_the_log(listener)
        record(db, 1, 2)
        wait_until(lambda: "did not arrive" in caplog.text, "a return")
        execute(url, "DELETE FROM exposure WHERE expid = 1")
        record(db, 2, seeing=2.2)
        listener.channel.queue_bind(listener.queue, EXCHANGE, EVERY_EXPOSURE)
        listener.wait_until(lambda heard: accounted(heard.summaries) == {1, 2, 3, 4}, "all numbers")
        found, messages = exposures(listener.summaries), listener.summaries
    assert {each.expid for message in messages for each in message.retracted} == {1}
    assert set(found) == {2}
    assert found[2].seeing == 2.2


def test_a_lost_connection_loses_nothing(broker_url: str, url: str, db: ExposureDB, listener: Listener) -> None:
    started = Relay(broker_url, url)
    with running(started):
        for expid in range(1, 201):
            record(db, expid)
            if expid % 50 == 0:
                started._link.loop.add_callback_threadsafe(lambda: started._link.drop("the test wants it"))
        listener.wait_until(lambda heard: accounted(heard.summaries) >= set(range(1, 201)), "all of them")
        wait_until(lambda: confirmed(url) == 200, "all of them confirmed")


def test_a_broker_that_takes_nothing_is_seen_and_waited_for(
    rabbitmq_node: RabbitMQ, url: str, db: ExposureDB, listener: Listener, caplog: Log
) -> None:
    with running(Relay(rabbitmq_node.url, url)):
        listener.wait_until(lambda heard: heard.heartbeats, "the relay at work")
        rabbitmq_node.ctl("set_vm_memory_high_watermark", "0")
        try:
            record(db, 1)  # RabbitMQ says that it is blocked to who publishes
            wait_until(lambda: "the broker takes nothing now (low on memory)" in caplog.text, "it being said")
            record(db, *range(2, 50))
        finally:
            rabbitmq_node.ctl("set_vm_memory_high_watermark", "0.6")
        listener.wait_until(lambda heard: accounted(heard.summaries) >= set(range(1, 50)), "all of them")


# What somebody wrote.


def test_a_bad_value_is_announced_as_none_and_said(
    broker_url: str, url: str, db: ExposureDB, listener: Listener, caplog: Log
) -> None:
    record(db, 1, program="dark", seeing=1.1)
    assignments = {
        "seeing": "'good'",
        "skyra": "9e999",
        "tile_id": "3.5",
        "exptype": "x'00ff'",
        "date": "'yesterday'",
        "data_written": "'false'",
        "data_location": "x'2f00'",
        "data_written_at": "'soon'",
    }
    execute(url, "UPDATE exposure SET " + ", ".join(f"{column} = {value}" for column, value in assignments.items()))
    record(db, 2)
    with running(Relay(broker_url, url)):
        listener.wait_until(lambda heard: 2 in exposures(heard.summaries), "the good one behind it")
    bad = exposures(listener.summaries)[1]
    assert (bad.program, bad.airmass) == ("dark", None)
    assert {getattr(bad, column) for column in ("seeing", "skyra", "tile_id", "exptype", "date", "data_location")} == {
        None
    }
    assert bad.data_written is False, "nobody is sent for data that are perhaps not there"
    for column, shown in (
        ("seeing", "'good'"),
        ("tile_id", "3.5"),
        ("date", "'yesterday'"),
        ("data_written", "'false'"),
    ):
        assert f"exposure 1: {column} is {shown}, announced as " in caplog.text


def test_an_exposure_without_a_night_is_not_announced_but_its_number_is_accounted_for(
    broker_url: str, url: str, db: ExposureDB, listener: Listener, caplog: Log
) -> None:
    record(db, 1, 2, 3)
    execute(url, "UPDATE exposure SET night = 'tonight' WHERE expid = 2")
    with running(Relay(broker_url, url)):
        listener.wait_until(lambda heard: accounted(heard.summaries) == {1, 2, 3}, "all three numbers")
    assert set(exposures(listener.summaries)) == {1, 3}
    assert "exposure 2 cannot be announced" in caplog.text


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "4713-01-01 BC", "294276-12-31", "9999-12-31 23:59:59-12"])
def test_a_moment_that_python_does_not_know_does_not_stop_the_flow(
    moment: str, broker_url: str, postgresql_url: str, listener: Listener
) -> None:
    with ExposureDB(postgresql_url) as db:
        record(db, 1)
        execute(postgresql_url, f"UPDATE exposure SET date = '{moment}', data_written_at = '{moment}'")
        record(db, 2)
    with running(Relay(broker_url, postgresql_url)):
        listener.wait_until(lambda heard: 2 in exposures(heard.summaries), "the good one behind it")
    assert 1 in exposures(listener.summaries)


# The exposureDB.


@pytest.mark.parametrize("times", [2])
def test_an_exposuredb_that_goes_away_is_waited_for(
    times: int, broker_url: str, postgresql_url: str, listener: Listener, caplog: Log
) -> None:
    caplog.set_level(logging.INFO)
    with ExposureDB(postgresql_url) as db, running(Relay(broker_url, postgresql_url)):
        for expid in range(1, times + 1):
            record(db, expid)
            listener.wait_for(expid)
            execute(
                postgresql_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            wait_until(partial(is_back, caplog, expid), "it being back")
        record(db, times + 1)
        listener.wait_until(lambda heard: times + 1 in accounted(heard.summaries), "what came after")
    assert accounted(listener.summaries) == set(range(1, times + 2))


def is_back(caplog: Log, times: int) -> bool:
    return caplog.text.count("relaying the exposureDB") >= times


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a lock."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 0.05)


@pytest.mark.usefixtures("impatient")
def test_a_locked_exposuredb_is_waited_for_and_said_once(
    broker_url: str, url: str, db: ExposureDB, listener: Listener, caplog: Log
) -> None:
    record(db, 1)
    with running(Relay(broker_url, url)):
        listener.wait_for(1)
        record(db, 2)
        listener.wait_for(2)
        with locked(url) as connection:
            connection.execute("INSERT INTO exposure (expid, night) VALUES (3, 20230913)")
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "database is locked; trying again until it does" in caplog.text, "it being said")
        listener.wait_until(lambda heard: 3 in exposures(heard.summaries), "what was written before")
    assert caplog.text.count("database is locked") == 1


@contextlib.contextmanager
def locked(url: str) -> Iterator[Any]:
    """Hold a SQLite database for writing, for the length of a block."""
    with connected(url) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("ROLLBACK")


def test_a_relay_that_cannot_watch_does_not_keep_the_lead(
    url: str, db: ExposureDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(db, 1)

    def fail(*_arguments: Any) -> Any:
        raise DatabaseUnreachable("cannot watch: no descriptor is left")

    monkeypatch.setattr(source, "watch_commits", fail)
    with source.Source(url) as opened, pytest.raises(DatabaseUnreachable):
        opened.lead()
    lead(url).close()


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match=r"cannot lock .*db.sqlite: No such file"):
        lead(f"sqlite:///{tmp_path}/absent/db.sqlite")


def test_an_exposuredb_that_is_no_database_ends_the_relay(broker_url: str, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").write_bytes(b"no database at all" * 100)
    with (
        pytest.raises(DatabaseRefused, match="not a database"),
        running(Relay(broker_url, f"sqlite:///{tmp_path}/db.sqlite")) as ended,
    ):
        ended.wait()


# The log stream.


def test_a_log_that_confirms_nothing_holds_no_exposure_up_and_is_tried_again_later(
    broker_url: str, url: str, db: ExposureDB, caplog: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    monkeypatch.setattr(stall, "UNCONFIRMED", 0.5)
    answer = ConfirmedPublisher._on_answer

    def answer_without_log(self: ConfirmedPublisher[object], frame: Any) -> None:
        if "without the log stream" in caplog.text:
            answer(self, frame)

    monkeypatch.setattr(ConfirmedPublisher, "_on_answer", answer_without_log)
    with (
        listening(broker_url, (EXCHANGE, "exposure.pending.#")),
        publishing(broker_url) as probe,
        running(Relay(broker_url, url)),
    ):
        record(db, 1)
        wait_until(lambda: confirmed(url) == 1, "the confirm")
        assert not log_takes(probe)
        monkeypatch.setattr(stall, "WITHOUT_LOG", 0.0)
        wait_until(lambda: log_takes(probe), "the log taking exposures again")
    assert "it confirms nothing" in caplog.text


def log_takes(probe: Publisher) -> bool:
    """Whether the log is bound: no other queue takes such a message."""
    try:
        probe.publish(EXCHANGE, "exposure.probe", b"")
    except UnroutableError:
        return False
    return True
