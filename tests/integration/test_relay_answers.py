"""What a follower gets that asks for missing numbers: the present state of what they stood for, packed."""

import itertools
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pika
import pytest
from tests.in_threads import running
from tests.listening import Listener, listening
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.broker import properties_for
from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, LedgerRow, open_ledger
from exposure_publisher.relay import Relay, messages
from exposure_schemas import Exposure, ExposureSummary, ReplayRequest, encode
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, HEARTBEAT_KEY, REPLAY_EXCHANGE, REQUEST_QUEUE

NIGHT = 20230913
ASKING = "asking"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/exposuredb.sqlite"


@pytest.fixture
def db(url: str) -> Iterator[ExposureDB]:
    with ExposureDB(url) as database:
        yield database


@pytest.fixture
def asker(broker_url: str) -> Iterator[Listener]:
    with listening(broker_url, (REPLAY_EXCHANGE, ASKING)) as opened:
        yield opened


def record(db: ExposureDB, *expids: int, **values: Any) -> None:
    db.record_many([{"expid": expid, "night": NIGHT, **values} for expid in expids])


def number_all(url: str) -> None:
    """Number what waits, and let it count as published: what follows is asked for, not published."""
    with closing(open_ledger(url)) as ledger:
        while found := ledger.unnumbered(1000):
            ledger.number(found, [None] * len(found), 0)
        ledger.confirm(ledger.state().newest)


def epoch_of(url: str) -> str:
    with closing(open_ledger(url)) as ledger:
        return ledger.state().epoch


def ask(asker: Listener, epoch: str, *missing: tuple[int, int]) -> None:
    request = ReplayRequest(subscriber=ASKING, epoch=epoch, missing=missing, requested_at=datetime.now(UTC))
    asker.say(request, "", REQUEST_QUEUE)


def accounted(messages: list[ExposureSummary]) -> set[int]:
    return {number for each in messages if each.covers for number in range(each.covers[0], each.covers[1] + 1)}


def carried(messages: list[ExposureSummary]) -> list[Exposure]:
    return [exposure for message in messages for exposure in message.exposures]


def test_missing_numbers_are_answered_packed_and_accounted_for_whole(
    broker_url: str, exposure_db_url: str, asker: Listener
) -> None:
    with ExposureDB(exposure_db_url) as db:
        record(db, *range(1, 1201), program="dark")
    number_all(exposure_db_url)
    with running(Relay(broker_url, exposure_db_url)):
        ask(asker, epoch_of(exposure_db_url), (1, 1200))
        asker.wait_until(lambda heard: accounted(heard.summaries) == set(range(1, 1201)), "all 1200 numbers")
    answer = asker.summaries
    assert [message.covers for message in answer] == [(1, 250), (251, 500), (501, 750), (751, 1000), (1001, 1200)]
    assert [len(message.exposures) for message in answer] == [250, 250, 250, 250, 200]
    assert all(message.replayed for message in answer)
    assert [exposure.expid for exposure in carried(answer)] == list(range(1, 1201))
    assert [exposure.sequence for exposure in carried(answer)] == list(range(1, 1201))


def test_only_what_is_asked_for_is_answered_in_its_present_state(
    broker_url: str, url: str, db: ExposureDB, asker: Listener
) -> None:
    record(db, *range(1, 11))
    number_all(url)
    record(db, 2, 5, seeing=1.1)
    number_all(url)
    execute(url, "DELETE FROM exposure WHERE expid = 9")
    with running(Relay(broker_url, url)):
        ask(asker, epoch_of(url), (1, 3), (5, 5), (8, 11))
        asker.wait_until(lambda heard: 11 in accounted(heard.summaries), "the last span")
    assert [message.covers for message in asker.summaries] == [(1, 3), (5, 5), (8, 11)]
    found = [(exposure.expid, exposure.sequence, exposure.seeing) for exposure in carried(asker.summaries)]
    assert found == [(1, 1, None), (3, 3, None), (8, 8, None), (10, 10, None), (2, 11, 1.1)]


def test_numbers_that_do_not_exist_yet_are_not_accounted_for(
    broker_url: str, url: str, db: ExposureDB, asker: Listener
) -> None:
    record(db, 1, 2, 3)
    number_all(url)
    with running(Relay(broker_url, url)):
        ask(asker, epoch_of(url), (2, 99), (7, 8))
        ask(asker, epoch_of(url), (1, 1))
        asker.wait_until(lambda heard: 1 in accounted(heard.summaries), "the second answer")
    assert [message.covers for message in asker.summaries] == [(2, 3), (1, 1)]


def test_numbers_of_another_ledger_are_not_answered(
    broker_url: str, url: str, db: ExposureDB, asker: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    record(db, 1, 2)
    number_all(url)
    with running(Relay(broker_url, url)):
        ask(asker, "another", (1, 2))
        ask(asker, epoch_of(url), (2, 2))
        asker.wait_for(1)
    assert [message.covers for message in asker.summaries] == [(2, 2)]
    assert "asking asks for another ledger's numbers" in caplog.text
    assert waiting_requests(asker) == 0


def test_the_answer_goes_to_who_asked_and_to_nobody_else(broker_url: str, url: str, db: ExposureDB) -> None:
    record(db, 1)
    number_all(url)
    with (
        listening(broker_url, (REPLAY_EXCHANGE, ASKING)) as asker,
        listening(broker_url, (REPLAY_EXCHANGE, "other"), (EXCHANGE, EVERY_EXPOSURE)) as other,
        running(Relay(broker_url, url)),
    ):
        ask(asker, epoch_of(url), (1, 1))
        asker.wait_for(1)
        record(db, 2)
        other.wait_for(1)
        assert [message.covers for message in other.summaries] == [(2, 2)]


@pytest.mark.parametrize("what", ["garbage", "another type", "no properties", "empty"])
def test_a_request_that_cannot_be_read_is_thrown_away_and_the_next_one_answered(
    what: str, broker_url: str, url: str, db: ExposureDB, asker: Listener
) -> None:
    record(db, 1)
    number_all(url)
    good = ReplayRequest(subscriber=ASKING, epoch=epoch_of(url), missing=((1, 1),), requested_at=datetime.now(UTC))
    properties = properties_for(good, "id")
    summary = ExposureSummary(epoch="e", covers=None, replayed=False, published_at=datetime.now(UTC), exposures=())
    body, said = {
        "garbage": (b"\xff" * 100, properties),
        "another type": (encode(summary), properties_for(summary, "id")),
        "no properties": (encode(good), pika.BasicProperties()),
        "empty": (b"", properties),
    }[what]
    asker.channel.basic_publish("", REQUEST_QUEUE, body, said)
    with running(Relay(broker_url, url)):
        ask(asker, epoch_of(url), (1, 1))
        asker.wait_for(1)
    wait_until(lambda: waiting_requests(asker) == 0, "the queue of requests being empty")


def waiting_requests(asker: Listener) -> int:
    """How many requests wait in the queue, now that nobody consumes."""
    return int(asker.channel.queue_declare(REQUEST_QUEUE, passive=True).method.message_count)


def test_a_request_waits_for_the_relay_to_come(broker_url: str, url: str, db: ExposureDB, asker: Listener) -> None:
    record(db, 1)
    number_all(url)
    ask(asker, epoch_of(url), (1, 1))
    with running(Relay(broker_url, url)):
        asker.wait_for(1)


def test_live_messages_go_first_while_a_long_answer_is_on_its_way(
    broker_url: str, url: str, db: ExposureDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(db, *range(1, 3001))
    number_all(url)
    reads, read = itertools.count(1), Ledger.read

    def read_while_ics_writes(self: Ledger, *span: int) -> list[LedgerRow]:
        if next(reads) == 5:
            with ExposureDB(url) as ics:
                record(ics, 5000)
        return read(self, *span)

    monkeypatch.setattr(Ledger, "read", read_while_ics_writes)
    missing = tuple((number, number) for number in range(1, 3001, 3))
    with (
        listening(broker_url, (REPLAY_EXCHANGE, ASKING), (EXCHANGE, EVERY_EXPOSURE)) as both,
        running(Relay(broker_url, url)),
    ):
        ask(both, epoch_of(url), *missing)
        heard = both.wait_for(1001)
    live = next(place for place, message in enumerate(heard) if not message.replayed)
    assert live < len(heard) - 1, "it overtook answers that were still to be given"
    assert accounted([message for message in heard if message.replayed]) == set(range(1, 3001, 3))


def test_an_answer_too_large_for_one_message_is_split_and_its_spans_stay_whole(
    broker_url: str, url: str, db: ExposureDB, asker: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "LARGEST_BODY", 2000)
    record(db, *range(1, 21), program="x" * 300)
    number_all(url)
    with running(Relay(broker_url, url)):
        ask(asker, epoch_of(url), (1, 20))
        asker.wait_until(lambda heard: accounted(heard.summaries) == set(range(1, 21)), "all 20 numbers")
    assert all(len(heard.body) <= 2000 for heard in asker.heard)
    covers = [message.covers for message in asker.summaries if message.covers]
    assert sum(last - first + 1 for first, last in covers) == 20
    assert [exposure.expid for exposure in carried(asker.summaries)] == list(range(1, 21))


def test_requests_are_answered_again_after_the_exposuredb_was_away(
    broker_url: str, postgresql_url: str, asker: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_publisher.relay.relay.RETRY", 0.05)
    with ExposureDB(postgresql_url) as db:
        record(db, 1, 2)
    number_all(postgresql_url)
    with listening(broker_url, (EXCHANGE, HEARTBEAT_KEY)) as beats, running(Relay(broker_url, postgresql_url)):
        beats.wait_until(lambda heard: heard.heartbeats, "the relay at work")
        for times in (2, 3):
            cut_connections(postgresql_url)
            beats.wait_until(partial(beaten, times), "the relay at work again")
            ask(asker, epoch_of(postgresql_url), (1, 2))
            asker.wait_for(times - 1)
        consumers = asker.channel.queue_declare(REQUEST_QUEUE, passive=True).method.consumer_count
    assert consumers == 1, "it consumes once, however often the exposureDB went away"


def beaten(times: int, heard: Listener) -> bool:
    return len(heard.heartbeats) >= times


def cut_connections(url: str) -> None:
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
