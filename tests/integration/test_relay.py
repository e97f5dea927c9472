"""The relay with a real broker: every change in order, at once, and nothing twice that was confirmed."""

import hashlib
import itertools
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.errors import BrokerRefused
from exposure_publisher import ExposureDB
from exposure_publisher.errors import AnotherRelay
from exposure_publisher.ledger import open_ledger
from exposure_publisher.relay import Relay, relay
from exposure_schemas import JSON, MSGPACK, SUMMARY_KEYS, summary_of
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, HEARTBEAT_KEY, LOG_STREAM

NIGHT = 20230913
LONG = 3600.0

EXPOSURES = (EXCHANGE, EVERY_EXPOSURE)
HEARTBEATS = (EXCHANGE, HEARTBEAT_KEY)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An exposureDB for what is the same on both databases."""
    return f"sqlite:///{tmp_path}/exposuredb.sqlite"


@pytest.fixture
def listener(broker_url: str) -> Iterator[Listener]:
    with listening(broker_url, EXPOSURES, HEARTBEATS) as opened:
        yield opened


@pytest.fixture
def no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats look for changes too: without them, only a wake-up finds any."""
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", LONG)


@pytest.fixture
def quick_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "RETRY", 0.05)


@pytest.fixture
def quick_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)


def record(db: ExposureDB, *expids: int, **values: Any) -> None:
    db.record_many([{"expid": expid, "night": NIGHT, **values} for expid in expids])


def state(url: str) -> Any:
    with closing(open_ledger(url)) as ledger:
        return ledger.state()


def publish_once(broker_url: str, url: str) -> None:
    with running(Relay(broker_url, url, once=True)) as once:
        once.wait()


# Live.


def test_every_change_is_published_in_order_and_each_message_accounts_for_its_numbers(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    record(db, *range(1, 251), exptype="science", program="dark")
    with running(Relay(broker_url, exposure_db_url)):
        listener.wait_for(250)
        record(db, 7, seeing=1.1)
        db.data_written(7, data_location="/nowhere/7")
        record(db, 251)
        wait_until(lambda: _last_states(listener) >= {(7, True), (251, False)}, "the last states")
        messages = listener.summaries
    covers = [message.covers for message in messages]
    assert covers == [(number, number) for number in range(1, len(messages) + 1)]
    assert [message.exposures[0].sequence for message in messages] == list(range(1, len(messages) + 1))
    assert {(message.epoch, message.replayed) for message in messages} == {(state(exposure_db_url).epoch, False)}
    newest = {exposure.expid: exposure for message in messages for exposure in message.exposures}
    assert [summary_of(newest[expid]) for expid in sorted(newest)] == list(db.exposures())


def _last_states(listener: Listener) -> set[tuple[int, bool]]:
    """Numbers of all exposures, and whether their data are written; one that is being listed may come later."""
    exposures = (exposure for message in listener.summaries for exposure in message.exposures)
    return {(exposure.expid, exposure.data_written) for exposure in exposures}


def test_a_message_says_by_key_and_properties_what_it_is(broker_url: str, sqlite_url: str, listener: Listener) -> None:
    with ExposureDB(sqlite_url) as db:
        record(db, 1, exptype="science", program="Dark time")
        db.data_written(1, data_location="/nowhere/1")
    publish_once(broker_url, sqlite_url)
    listener.wait_for(1)
    (heard,) = listener.heard
    assert heard.routing_key == "exposure.written.science.dark_time"
    assert heard.properties.message_id == f"{state(sqlite_url).epoch}-1-1"
    assert (heard.properties.type, heard.properties.app_id) == ("exposure-summary", "exposure-bus")
    assert (heard.properties.content_type, heard.properties.content_encoding) == (MSGPACK, "binary")
    assert (heard.properties.delivery_mode, heard.properties.headers) == (2, {"schema_version": 1})


def test_bodies_are_json_for_foreign_tools(broker_url: str, sqlite_url: str, listener: Listener) -> None:
    with ExposureDB(sqlite_url) as db:
        record(db, 1, program="dark")
    with running(Relay(broker_url, sqlite_url, content_type=JSON)):
        (message,) = listener.wait_for(1)
        listener.wait_until(lambda heard: heard.heartbeats, "a heartbeat")
    assert {heard.properties.content_type for heard in listener.heard} == {JSON}
    assert message.exposures[0].program == "dark"


def test_the_files_on_disk_are_announced_with_the_exposure(
    broker_url: str, sqlite_url: str, listener: Listener, tmp_path: Path
) -> None:
    folder = tmp_path / "00000001"
    folder.mkdir()
    (folder / "desi-00000001.fits.fz").write_bytes(b"abc")
    checksums = f"{'0' * 64}  desi-00000001.fits.fz\n"
    (folder / "checksum-00000001.sha256sum").write_text(checksums)
    with ExposureDB(sqlite_url) as db, running(Relay(broker_url, sqlite_url)):
        record(db, 1, data_location=str(folder))
        (pending,) = listener.wait_for(1)
        db.data_written(1)
        written = listener.wait_for(2)[1]
    assert pending.exposures[0].files is None
    files = written.exposures[0].files
    assert files is not None
    assert [(file.name, file.size, file.sha256) for file in files] == [
        ("checksum-00000001.sha256sum", 88, hashlib.sha256(checksums.encode()).hexdigest()),
        ("desi-00000001.fits.fz", 3, "0" * 64),
    ]


@pytest.mark.usefixtures("no_heartbeat")
def test_a_commit_wakes_the_relay(broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener) -> None:
    with running(Relay(broker_url, exposure_db_url)):
        listener.wait_until(lambda heard: heard.heartbeats, "the heartbeat at its start")
        for expid in (1, 2, 3):
            record(db, expid)
            listener.wait_for(expid)


@pytest.mark.usefixtures("no_heartbeat")
def test_a_commit_of_any_other_program_wakes_the_relay(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    with running(Relay(broker_url, exposure_db_url)):
        listener.wait_until(lambda heard: heard.heartbeats, "the heartbeat at its start")
        execute(exposure_db_url, f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT})")
        listener.wait_for(1)
    assert [row["expid"] for row in db.exposures()] == [1]


@pytest.mark.usefixtures("quick_heartbeat")
def test_a_heartbeat_says_whether_more_has_changed_than_has_a_number(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    record(db, *range(1, 1001))
    with running(Relay(broker_url, exposure_db_url)):
        listener.wait_until(lambda heard: heard.heartbeats and not heard.heartbeats[-1].behind, "all being numbered")
    first, last = listener.heartbeats[0], listener.heartbeats[-1]
    assert first.behind
    assert first.newest < 1000
    assert last.newest == 1000


# Once, and again.


def test_once_publishes_what_waits_and_ends_when_the_broker_has_it(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    record(db, *range(1, 1201))
    publish_once(broker_url, exposure_db_url)
    reached = state(exposure_db_url)
    assert (reached.newest, reached.confirmed) == (1200, 1200)
    assert [message.covers for message in listener.wait_for(1200)] == [(each, each) for each in range(1, 1201)]
    assert listener.heartbeats == [], "a single pass promises no next heartbeat"


def test_once_with_nothing_to_publish_ends(broker_url: str, sqlite_url: str, listener: Listener) -> None:
    publish_once(broker_url, sqlite_url)
    assert listener.summaries == []


def test_a_relay_goes_on_where_the_last_confirm_was(broker_url: str, sqlite_url: str, listener: Listener) -> None:
    with ExposureDB(sqlite_url) as db:
        record(db, 1, 2)
        publish_once(broker_url, sqlite_url)
        record(db, 3)
        publish_once(broker_url, sqlite_url)
    assert [message.covers for message in listener.wait_for(3)] == [(1, 1), (2, 2), (3, 3)]
    assert len(listener.listen().heard) == 3


def test_what_the_broker_may_not_have_is_published_again_under_the_same_id(
    broker_url: str, sqlite_url: str, listener: Listener
) -> None:
    with ExposureDB(sqlite_url) as db:
        record(db, 1, 2, 3)
    publish_once(broker_url, sqlite_url)
    listener.wait_for(3)
    execute(sqlite_url, "UPDATE exposure_ledger_state SET confirmed = 1")
    publish_once(broker_url, sqlite_url)
    listener.wait_for(5)
    ids = [heard.properties.message_id for heard in listener.heard]
    assert ids[3:] == ids[1:3]


def test_a_superseded_number_is_accounted_for_by_the_next_message(
    broker_url: str, sqlite_url: str, listener: Listener
) -> None:
    with ExposureDB(sqlite_url) as db, closing(open_ledger(sqlite_url)) as ledger:
        for expids in ((1, 2, 3), (1, 3), (4,)):
            record(db, *expids, seeing=float(len(expids)))
            found = ledger.unnumbered(10)
            ledger.number(found, [None] * len(found), 0)
    publish_once(broker_url, sqlite_url)
    messages = listener.wait_for(4)
    assert [message.covers for message in messages] == [(1, 2), (3, 4), (5, 5), (6, 6)]
    assert [message.exposures[0].expid for message in messages] == [2, 1, 3, 4]


def test_exposures_that_were_deleted_while_no_relay_ran_are_retracted_in_order(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    with closing(open_ledger(exposure_db_url)) as ledger:
        record(db, *range(1, 7))
        ledger.number(ledger.unnumbered(10), [None] * 6, 0)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid IN (1, 3, 5, 6)")
    record(db, 7, 8)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid = 7")
    publish_once(broker_url, exposure_db_url)
    messages = listener.wait_for(11)
    assert [message.covers for message in messages] == [(number, number) for number in range(1, 12)]
    assert [[each.expid for each in message.exposures] for message in messages if message.exposures] == [[2], [4], [8]]
    retracted = [(each.expid, each.sequence) for message in messages for each in message.retracted]
    assert retracted[:4] == [(1, 1), (3, 3), (5, 5), (6, 6)], "the present state of what was numbered before"
    assert retracted[4:] == [(1, 7), (3, 8), (5, 9), (6, 10)]
    keys = {heard.routing_key for heard, message in zip(listener.heard, messages, strict=True) if message.retracted}
    assert keys == {"exposure.retracted"}
    assert state(exposure_db_url).confirmed == state(exposure_db_url).newest == 11


def test_a_relay_that_ends_keeps_what_was_confirmed_a_moment_before(
    broker_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "KEEP_CONFIRMED", LONG)
    first = Relay(broker_url, sqlite_url)
    with ExposureDB(sqlite_url) as db, running(first):
        record(db, 1, 2)
        wait_until(lambda: first._live and first._live.newest == 2 and first._live.all_confirmed, "both confirmed")
        assert state(sqlite_url).confirmed == 0
    assert state(sqlite_url).confirmed == 2


def test_a_relay_that_is_stopped_in_the_middle_of_its_work_ends_in_order(broker_url: str, sqlite_url: str) -> None:
    with listening(broker_url, EXPOSURES) as listener:
        with ExposureDB(sqlite_url) as db:
            record(db, *range(1, 2001))
        with running(Relay(broker_url, sqlite_url)):
            listener.wait_for(1)
        publish_once(broker_url, sqlite_url)
        listener.wait_until(lambda heard: len({message.covers for message in heard.summaries}) == 2000, "all of them")
    assert state(sqlite_url).confirmed == 2000


# Heartbeats.


@pytest.mark.usefixtures("quick_heartbeat")
def test_heartbeats_tell_how_far_the_ledger_is_and_come_on_and_on(
    broker_url: str, exposure_db_url: str, db: ExposureDB, listener: Listener
) -> None:
    record(db, 1, 2)
    with running(Relay(broker_url, exposure_db_url)):
        listener.wait_until(lambda heard: len(heard.heartbeats) >= 4, "four heartbeats")
        record(db, 3)
        listener.wait_until(lambda heard: heard.heartbeats[-1].newest == 3, "a heartbeat that tells of the third")
    beats = listener.heartbeats
    assert {(beat.epoch, beat.interval) for beat in beats} == {(state(exposure_db_url).epoch, 0.1)}
    assert [beat.newest for beat in beats] == sorted(beat.newest for beat in beats)
    moments = [beat.published_at for beat in beats]
    assert all(after > before for before, after in itertools.pairwise(moments))


@pytest.mark.usefixtures("quick_heartbeat")
def test_a_heartbeat_comes_behind_every_message_that_it_tells_of(
    broker_url: str, sqlite_url: str, listener: Listener
) -> None:
    """A follower that hears it knows at once what it misses."""
    with ExposureDB(sqlite_url) as db, running(Relay(broker_url, sqlite_url)):
        for expid in range(1, 40):
            record(db, expid)
            listener.wait_for(expid)
        listener.wait_until(lambda heard: heard.heartbeats[-1].newest == 39, "a heartbeat that tells of the last")
    accounted = 0
    for heard in listener.heard:
        message: Any = heard.message
        if heard.routing_key == HEARTBEAT_KEY:
            assert message.newest <= accounted
        else:
            accounted = message.covers[1]


# One at a time.


@pytest.mark.usefixtures("quick_retry")
def test_a_second_relay_stands_by_and_takes_over_when_the_first_ends(
    broker_url: str,
    exposure_db_url: str,
    db: ExposureDB,
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with running(Relay(broker_url, exposure_db_url)) as first:
        listener.wait_until(lambda heard: heard.heartbeats, "the first relay leading")
        with running(Relay(broker_url, exposure_db_url)):
            wait_until(lambda: "; standing by" in caplog.text, "the second standing by")
            with pytest.raises(AnotherRelay, match="another relay leads"):
                publish_once(broker_url, exposure_db_url)
            record(db, 1)
            wait_until(lambda: state(exposure_db_url).confirmed == 1, "the first message confirmed")
            first.stop()
            wait_until(lambda: "relaying the exposureDB" in caplog.text, "the second leading")
            record(db, 2)
            listener.wait_for(2)
    assert [message.covers for message in listener.summaries] == [(1, 1), (2, 2)]
    assert caplog.text.count("standing by") == 1, "said once, not at every try"


def test_a_broker_that_refuses_at_the_start_ends_the_relay(broker_url: str, sqlite_url: str) -> None:
    with pytest.raises(BrokerRefused, match="refuses the user, the password"):
        publish_once(broker_url.replace("guest:guest", "guest:wrong"), sqlite_url)


def test_the_log_keeps_every_message(broker_url: str, sqlite_url: str, listener: Listener) -> None:
    with ExposureDB(sqlite_url) as db:
        record(db, 1, 2, 3)
    publish_once(broker_url, sqlite_url)
    depth = listener.channel.queue_declare(LOG_STREAM, passive=True).method
    wait_until(lambda: depth.message_count == 3 or _depth(listener) == 3, "three messages in the log")
    assert tuple(summary_of(listener.wait_for(1)[0].exposures[0])) == SUMMARY_KEYS


def _depth(listener: Listener) -> int:
    return int(listener.channel.queue_declare(LOG_STREAM, passive=True).method.message_count)
