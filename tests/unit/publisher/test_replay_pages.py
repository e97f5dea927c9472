"""The messages of a replay, out of an exposureDB in a SQLite file."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, Matches, Selection, open_ledger
from exposure_publisher.replay import Tally, messages_of
from exposure_schemas import Exposure, ExposureSummary

EPOCH = datetime(2023, 9, 14, 3, tzinfo=UTC)


class Site:
    """An exposureDB and its ledger."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/exposuredb.sqlite"
        self.database = ExposureDB(self.url)
        self.ledger: Ledger = open_ledger(self.url)

    def number(self) -> None:
        """Give each change a number, as the relay does."""
        while changes := self.ledger.unnumbered(1000):
            self.ledger.number(changes, [None] * len(changes), 0)

    def messages(self, selection: Selection, page: int = 500) -> list[ExposureSummary]:
        return [outgoing.message for outgoing in messages_of(self.ledger, selection, page)]

    def close(self) -> None:
        self.database.close()
        self.ledger.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as made:
        yield made


def _exposures(messages: list[ExposureSummary]) -> list[Exposure]:
    return [exposure for message in messages for exposure in message.exposures]


def _expids(messages: list[ExposureSummary]) -> list[int]:
    return sorted(exposure.expid for exposure in _exposures(messages))


changes_of = st.lists(st.integers(0, 12), min_size=1, max_size=40)


@settings(max_examples=25, deadline=None)
@given(changes=changes_of, page=st.integers(1, 7), batch=st.integers(1, 5))
def test_the_spans_of_a_whole_replay_tile_the_ledger_and_hold_each_present_state(
    changes: list[int], page: int, batch: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Site(Path(folder))) as site:
        present: dict[int, float] = {}
        for seeing, expids in enumerate(_batches(changes, batch), 1):
            site.database.record_many({"expid": expid, "night": 20230913, "seeing": seeing} for expid in expids)
            present |= dict.fromkeys(expids, float(seeing))
            site.number()
        messages = site.messages(Selection(), page)
        newest = site.ledger.state().newest
    spans = [message.covers for message in messages if message.covers is not None]
    assert [number for first, last in spans for number in range(first, last + 1)] == list(range(1, newest + 1))
    assert len(spans) == len(messages)
    assert {exposure.expid: exposure.seeing for exposure in _exposures(messages)} == present
    assert len(_exposures(messages)) == len(present)


def _batches(changes: list[int], size: int) -> Iterator[set[int]]:
    for first in range(0, len(changes), size):
        yield set(changes[first : first + size])


def test_what_is_gone_is_retracted_again_in_a_replay_of_all_and_by_expid(site: Site) -> None:
    site.database.record_many({"expid": expid, "night": 20230913} for expid in range(4))
    site.number()
    with site.database._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM exposure WHERE expid < 2")
    site.number()
    (message,) = site.messages(Selection())
    assert message.covers == (1, 6)
    assert _expids([message]) == [2, 3]
    assert [(each.expid, each.sequence) for each in message.retracted] == [(0, 5), (1, 6)]
    ranges = [site.messages(Selection(expids=ends), 1) for ends in ((0, 0), (1, 2))]
    assert [[_gone(message) or _expids([message]) for message in found] for found in ranges] == [[[0]], [[1], [2]]]
    assert site.messages(Selection(night=20230913))[0].retracted == ()
    tally = Tally()
    for outgoing in messages_of(site.ledger, Selection(), 2):
        tally.add(outgoing)
    assert tally == Tally(exposures=2, retractions=2, messages=2, expids=(0, 3), sequences=(3, 6))
    assert tally.carried == 4


def _gone(message: ExposureSummary) -> list[int]:
    return [each.expid for each in message.retracted]


def test_an_empty_ledger_has_no_messages(site: Site) -> None:
    assert site.messages(Selection()) == []
    assert site.messages(Selection(night=20230913)) == []


@settings(max_examples=25, deadline=None)
@given(
    expids=st.sets(st.integers(0, 2**63 - 1) | st.integers(0, 30), min_size=1, max_size=30),
    ends=st.tuples(st.integers(0, 30), st.integers(0, 2**63 - 1) | st.integers(0, 30)),
    page=st.integers(1, 7),
)
def test_a_range_has_each_exposure_between_its_ends_once_in_messages_sorted_by_number(
    expids: set[int], ends: tuple[int, int], page: int
) -> None:
    selection = Selection(expids=(min(ends), max(ends)))
    with tempfile.TemporaryDirectory() as folder, closing(Site(Path(folder))) as site:
        site.database.record_many({"expid": expid, "night": 20230913} for expid in sorted(expids, reverse=True))
        site.number()
        messages = site.messages(selection, page)
        matches = site.ledger.count(selection)
    wanted = sorted(expid for expid in expids if min(ends) <= expid <= max(ends))
    assert _expids(messages) == wanted
    assert matches == Matches(numbered=len(wanted), unnumbered=0)
    for message in messages:
        sequences = [exposure.sequence for exposure in message.exposures]
        assert sequences == sorted(sequences)
        assert 0 < len(sequences) <= page
        assert message.covers is None
        assert message.replayed


def test_messages_of_one_replay_have_ids_of_their_own_and_the_same_ids_another_time(site: Site) -> None:
    site.database.record_many({"expid": expid, "night": 20230913} for expid in range(10))
    site.number()
    selection = Selection(expids=(0, 9))
    ids = [outgoing.properties.message_id for outgoing in messages_of(site.ledger, selection, 3)]
    assert len(set(ids)) == 4
    assert ids == [outgoing.properties.message_id for outgoing in messages_of(site.ledger, selection, 3)]


def test_a_night_has_its_own_exposures(site: Site) -> None:
    site.database.record_many({"expid": expid, "night": 20230913 + expid % 2} for expid in range(10))
    site.number()
    assert _expids(site.messages(Selection(night=20230914), page=2)) == [1, 3, 5, 7, 9]


def test_a_date_range_includes_both_ends_to_the_microsecond(site: Site) -> None:
    step = timedelta(microseconds=1)
    for expid, moment in enumerate([EPOCH - step, EPOCH, EPOCH + step, EPOCH + 2 * step]):
        site.database.record(expid=expid, night=20230913, data_written=True, data_written_at=moment)
    site.number()
    assert _expids(site.messages(Selection(dates=(EPOCH, EPOCH + step)))) == [1, 2]


def test_exposures_without_a_number_are_counted_and_left_to_the_relay(site: Site) -> None:
    site.database.record_many({"expid": expid, "night": 20230913} for expid in range(3))
    site.number()
    site.database.record(expid=7, night=20230913)
    site.database.record(expid=0, night=20230913, seeing=1.5)
    selection = Selection(night=20230913)
    assert site.ledger.count(selection) == Matches(numbered=3, unnumbered=1)
    assert _expids(site.messages(selection)) == [0, 1, 2]


def test_a_row_that_cannot_be_announced_makes_no_empty_message(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.database.record(expid=1, night=20230913)
    site.number()
    with site.database._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE exposure SET night = 1")
    assert site.messages(Selection(expids=(1, 1))) == []
    assert "exposure 1 cannot be announced" in caplog.text


def test_a_tally_counts_messages_and_keeps_the_ends(site: Site) -> None:
    site.database.record_many({"expid": expid, "night": 20230913} for expid in (30, 10, 20))
    site.number()
    tally = Tally()
    for outgoing in messages_of(site.ledger, Selection(expids=(0, 25)), 1):
        tally.add(outgoing)
    assert tally == Tally(exposures=2, messages=2, expids=(10, 20), sequences=(2, 3))
