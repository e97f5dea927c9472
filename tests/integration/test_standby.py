"""Two relays of one exposureDB: who leads, how the lead is lost, and why two at once lose nothing."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.broker import envelope_of
from exposure_bus.errors import DatabaseUnreachable
from exposure_publisher import ExposureDB
from exposure_publisher.exposuredb.by_driver import writing_by_driver
from exposure_publisher.ledger import Ledger, open_ledger, postgresql
from exposure_publisher.manifest import Lister
from exposure_publisher.relay import leadership
from exposure_publisher.relay.leadership import lead, stand
from exposure_publisher.relay.listings import Listings
from exposure_publisher.relay.live import LiveFlow
from exposure_publisher.relay.messages import MessageMaker
from exposure_schemas import ExposureSummary, decode

NIGHT = 20230913

WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted"


# Who leads.


def test_the_lead_goes_to_who_stands_by_when_it_is_given_up(exposure_db_url: str, ledger: Ledger) -> None:
    assert ledger.state().newest == 0
    leader = lead(exposure_db_url)
    with closing(stand(exposure_db_url)) as standby:
        assert not standby.acquire()
        leader.renew()
        leader.close()
        wait_until(standby.acquire, "the other leading")
        standby.renew()


def test_a_leader_that_does_not_renew_loses_the_lead_to_who_stands_by_and_is_told(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "LEASE", 0.3)
    with closing(lead(postgresql_url)) as frozen, closing(stand(postgresql_url)) as standby:
        wait_until(standby.acquire, "the other leading")
        with pytest.raises(DatabaseUnreachable, match="cannot lock the exposureDB: "):
            frozen.renew()


def test_a_lock_that_somebody_moved_away_is_held_no_longer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    with closing(stand(url)) as standby:
        with closing(lead(url)) as leader:
            (tmp_path / "db.sqlite.relay").unlink()
            with pytest.raises(DatabaseUnreachable, match="was moved away or replaced"):
                leader.renew()
            with closing(lead(url)) as second:
                second.renew()
        with pytest.raises(DatabaseUnreachable, match="was moved away or replaced"):
            standby.acquire()


def test_a_relay_that_is_frozen_in_a_transaction_does_not_hold_up_the_next(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "FROZEN", 0.3)
    with ExposureDB(postgresql_url) as db, closing(open_ledger(postgresql_url)) as frozen:
        db.record(expid=1, night=NIGHT)
        with frozen._engine.connect() as connection, closing(open_ledger(postgresql_url)) as next_one:
            frozen._lock_newest(connection.connection.cursor())
            found = next_one.unnumbered(10)
            assert next_one.number(found, [None], 0) == [(1, 1)]
            connection.invalidate()
        assert frozen.state().newest == 1, "it goes on with another session"


def test_a_relay_waits_for_another_that_is_numbering_and_goes_on_after_it(postgresql_url: str) -> None:
    with ExposureDB(postgresql_url) as db, closing(open_ledger(postgresql_url)) as other:
        record(db, 1, 2, 3)
        with closing(open_ledger(postgresql_url)) as ledger, ThreadPoolExecutor() as pool:
            found = ledger.unnumbered(10)
            with writing_by_driver(other._engine) as cursor:
                assert other._take(cursor, found[:1]) == (0, {1})
                number = pool.submit(ledger.number, found, [None] * 3, 0)
                wait_until(
                    lambda: execute(postgresql_url, "SELECT 1 FROM pg_locks WHERE NOT granted"), "the second waiting"
                )
                other._write(cursor, [(found[0], None, 1)], datetime.now(UTC))
                cursor.execute("UPDATE exposure_ledger_state SET newest = 1")
            assert number.result(10) == [(2, 2), (3, 3)]


# Two at once: the one that led until it was frozen, and the one that leads now.


class Sent:
    """What stands for the broker: it keeps what was published, and confirms what it is told to."""

    room = 1000

    def __init__(self) -> None:
        self.summaries: list[ExposureSummary] = []
        self.keys: list[Any] = []

    def publish(self, key: Any, _exchange: str, _routing_key: str, body: bytes, properties: Any) -> None:
        message = decode(body, envelope_of(properties))
        assert isinstance(message, ExposureSummary)
        self.summaries.append(message)
        self.keys.append(key)

    @property
    def covered(self) -> list[Any]:
        return [message.covers for message in self.summaries]

    @property
    def expids(self) -> list[int]:
        return [exposure.expid for message in self.summaries for exposure in message.exposures]


@contextlib.contextmanager
def flowing(ledger: Ledger) -> Iterator[tuple[LiveFlow, Sent]]:
    """A relay's live flow, without the relay."""
    sent = Sent()
    lister = Lister(lambda *_done: None)
    state = ledger.state()
    maker = MessageMaker(state.epoch)
    listings = Listings(lister, later=lambda *_call: None, wake=lambda: None)
    try:
        yield LiveFlow(ledger, state, sent, maker, listings), sent  # type: ignore[arg-type]
    finally:
        lister.close()


def pump(flow: LiveFlow) -> None:
    while flow.pump():
        pass


def confirm_all(flow: LiveFlow, sent: Sent) -> None:
    for key in sent.keys:
        flow.confirmed(key)
    flow.keep_confirmed()


def record(db: ExposureDB, *expids: int) -> None:
    db.record_many([{"expid": expid, "night": NIGHT} for expid in expids])


def test_a_thawed_leader_accounts_for_no_number_that_it_has_not_sent(db: ExposureDB, ledger: Ledger) -> None:
    with flowing(ledger) as (old, sent_by_old), flowing(ledger) as (new, sent_by_new):
        record(db, 1)
        pump(old)
        confirm_all(old, sent_by_old)
        record(db, 2, 3)
        pump(new)
        assert sent_by_new.expids == [1, 2, 3]
        # The new leader dies before the broker has anything of it. The old one thaws, and has not noticed yet.
        record(db, 4)
        pump(old)
        assert sent_by_old.covered == [(1, 1), (2, 2), (3, 3), (4, 4)]
        assert sent_by_old.expids == [1, 2, 3, 4]
        assert ledger.state().confirmed == 1
        confirm_all(old, sent_by_old)
        assert ledger.state().confirmed == 4


def test_the_leader_sends_what_the_thawed_one_numbered_and_did_not_send(db: ExposureDB, ledger: Ledger) -> None:
    with flowing(ledger) as (old, sent_by_old), flowing(ledger) as (new, sent_by_new):
        pump(old)
        pump(new)
        record(db, 1)
        pump(old)
        confirm_all(new, sent_by_new)
        assert ledger.state().confirmed == 0, "nobody confirms for another"
        record(db, 2)
        pump(new)
        assert sent_by_new.covered == [(1, 1), (2, 2)]
        assert sent_by_new.expids == [1, 2]
        confirm_all(old, sent_by_old)
        assert ledger.state().confirmed == 1
        confirm_all(new, sent_by_new)
        assert ledger.state().confirmed == 2
