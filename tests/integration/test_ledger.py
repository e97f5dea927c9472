"""The ledger: numbers without gaps, no change without its number, whoever writes and whoever numbers beside."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.raw_sql import changes, connected, execute

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, Matches, Selection, Unnumbered, open_ledger
from exposure_publisher.ledger.selection import BEFORE_ALL
from exposure_publisher.manifest import Listed, Stamp
from exposure_schemas import ManifestFile

NIGHT = 20230913
FILES = Listed(
    (ManifestFile(name="desi-00000001.fits.fz", file_class="spectro", size=3, sha256="0" * 64),),
    {"desi-00000001.fits.fz": Stamp(3, 1_694_660_055_926_535_001, 1_694_660_055_926_535_002, 2**64 - 1)},
)
NO_FILES = Listed(())
FIRST = datetime(2023, 9, 14, 3, 0, 0, 250_000, tzinfo=UTC)
LATER = datetime(2023, 9, 14, 3, 0, 1, tzinfo=UTC)


@pytest.fixture
def db(exposure_db_url: str) -> Iterator[ExposureDB]:
    with ExposureDB(exposure_db_url) as database:
        yield database


@pytest.fixture
def ledger(exposure_db_url: str) -> Iterator[Ledger]:
    with closing(open_ledger(exposure_db_url)) as opened:
        yield opened


def record(db: ExposureDB, *expids: int, **values: Any) -> None:
    db.record_many([{"expid": expid, "night": NIGHT, **values} for expid in expids])


def number_all(ledger: Ledger, most: int = 100) -> list[tuple[int, int]]:
    """Number whatever waits, page by page, without manifests."""
    numbered: list[tuple[int, int]] = []
    while found := ledger.unnumbered(most):
        numbered += ledger.number(found, [None] * len(found), 0)
    return numbered


def sequences(ledger: Ledger) -> list[tuple[int, int]]:
    """Number and expid of all exposures."""
    return [(sequence, expid) for sequence, expid, row, _ in ledger.read(1, 2**62, 10**6) if row is not None]


def retracted(ledger: Ledger) -> list[tuple[int, int]]:
    """Number and expid of all that is gone."""
    return [(sequence, expid) for sequence, expid, row, _ in ledger.read(1, 2**62, 10**6) if row is None]


def test_a_new_ledger_is_empty_and_keeps_its_identity(ledger: Ledger, exposure_db_url: str) -> None:
    state = ledger.state()
    assert (state.newest, state.confirmed, ledger.unnumbered(10)) == (0, 0, [])
    with closing(open_ledger(exposure_db_url)) as again:
        assert again.state() == state
    assert len(state.epoch) == 32


def test_on_sqlite_a_ledger_knows_whether_others_wrote(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    with closing(open_ledger(url)) as ledger, ExposureDB(url) as db:
        assert ledger.others_wrote()  # nobody knows at first
        assert not ledger.others_wrote()
        record(db, 1)
        assert ledger.others_wrote()
        number_all(ledger)
        ledger.confirm(1, {1: FIRST})
        assert not ledger.others_wrote()


def test_two_ledgers_have_two_identities(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path_factory.mktemp('other')}/db.sqlite")) as other:
        assert other.state().epoch != ledger.state().epoch


def test_changes_are_numbered_from_1_without_gaps_in_the_order_they_were_made(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 30, 10, 20)
    assert number_all(ledger) == [(30, 1), (10, 2), (20, 3)]
    record(db, 20, seeing=1.1)
    record(db, 40)
    assert number_all(ledger) == [(20, 4), (40, 5)]
    assert ledger.state().newest == 5
    assert sequences(ledger) == [(1, 30), (2, 10), (4, 20), (5, 40)]


def test_several_changes_of_one_exposure_get_one_number_and_its_last_state(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 1, 2)
    for seeing in (1.1, 1.2, 1.3):
        record(db, 1, seeing=seeing)
    found = ledger.unnumbered(10)
    assert [(each.expid, each.row and each.row["seeing"]) for each in found] == [(2, None), (1, 1.3)]
    assert ledger.number(found, [None, None], 0) == [(2, 1), (1, 2)]
    assert ledger.unnumbered(10) == []


def test_a_change_between_looking_and_numbering_gets_a_later_number_of_its_own(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 1, 2)
    found = ledger.unnumbered(10)
    record(db, 1, seeing=9.9)
    assert ledger.number(found, [None, None], 0) == [(1, 1), (2, 2)]
    (later,) = ledger.unnumbered(10)
    assert later.row is not None
    assert (later.expid, later.row["seeing"]) == (1, 9.9)
    assert ledger.number([later], [None], 0) == [(1, 3)]


def test_a_page_holds_the_oldest_changes(db: ExposureDB, ledger: Ledger) -> None:
    record(db, *range(9, 0, -1))
    assert [each.expid for each in ledger.unnumbered(3)] == [9, 8, 7]
    assert number_all(ledger, most=2) == [(expid, 10 - expid) for expid in range(9, 0, -1)]


def test_an_exposure_that_was_deleted_before_anybody_heard_of_it_gets_no_number_and_holds_nothing_up(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2, 3)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid = 2")
    assert [(each.expid, each.row is None) for each in ledger.unnumbered(10)] == [(1, False), (3, False), (2, True)]
    assert number_all(ledger) == [(1, 1), (3, 2)]
    assert changes(exposure_db_url) == []


def test_an_exposure_that_was_deleted_later_gets_a_number_for_it_and_comes_back_under_another(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2, 3)
    number_all(ledger)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid = 2")
    assert number_all(ledger) == [(2, 4)]
    assert (sequences(ledger), retracted(ledger)) == ([(1, 1), (3, 3)], [(4, 2)])
    record(db, 2)
    assert number_all(ledger) == [(2, 5)]
    assert (sequences(ledger), retracted(ledger)) == ([(1, 1), (3, 3), (5, 2)], [])


def test_what_was_deleted_and_inserted_again_before_it_was_numbered_gets_one_number(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2, seeing=1.0)
    number_all(ledger)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid = 2")
    record(db, 2, airmass=2.0)
    assert number_all(ledger) == [(2, 3)]
    ((_, _, row, _),) = ledger.read(3, 3, 1)
    assert row is not None
    assert (row["seeing"], row["airmass"]) == (None, 2.0)


def test_an_exposure_that_got_another_expid_is_gone_under_the_first(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2)
    number_all(ledger)
    execute(exposure_db_url, "UPDATE exposure SET expid = 20 WHERE expid = 2")
    assert sorted(expid for expid, _ in number_all(ledger)) == [2, 20]
    assert [expid for _, expid in retracted(ledger)] == [2]
    assert [expid for _, expid in sequences(ledger)] == [1, 20]


def test_what_is_gone_is_selected_by_expid_and_by_nothing_else(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2, 3, 4, program="dark")
    number_all(ledger)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid IN (1, 3)")
    number_all(ledger)
    record(db, 5)
    by_expid, by_night = Selection(expids=(2, 9)), Selection(night=NIGHT)
    page = ledger.page(by_expid, by_expid.before_first, 10)
    assert [(expid, row is None) for _, expid, row, _ in page] == [(2, False), (3, True), (4, False)]
    assert ledger.count(by_expid) == Matches(numbered=3, unnumbered=1)
    assert [expid for _, expid, _, _ in ledger.page(by_expid, 2, 1)] == [3]
    assert [expid for _, expid, _, _ in ledger.page(by_night, BEFORE_ALL, 10)] == [2, 4]
    assert ledger.count(by_night) == Matches(numbered=2, unnumbered=1)
    assert [each.row["expid"] for each in ledger.audited(BEFORE_ALL, 10)] == [2, 4, 5], "an audit tells what is there"


def test_a_span_is_read_ascending_with_both_its_ends_and_no_more_than_asked(db: ExposureDB, ledger: Ledger) -> None:
    record(db, *range(1, 9), program="dark")
    number_all(ledger)
    record(db, 3, seeing=1.5)  # not numbered yet: the present state is read all the same
    for first, last, most, expected in ((3, 5, 9, [3, 4, 5]), (3, 5, 2, [3, 4]), (8, 99, 9, [8]), (9, 99, 9, [])):
        assert [sequence for sequence, *_ in ledger.read(first, last, most)] == expected
    ((_, _, row, files),) = ledger.read(3, 3, 1)
    assert row is not None
    assert (row["program"], row["seeing"], files) == ("dark", 1.5, None)


def test_a_manifest_is_kept_for_the_state_it_was_listed_for(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 1)
    db.data_written(1, data_location="/data/1")
    (found,) = ledger.unnumbered(10)
    assert (found.listed, found.files_listed) == (None, False)
    ledger.number([found], [FILES], 0)
    assert [files for *_, files in ledger.read(1, 1, 1)] == [FILES.files]
    record(db, 1, seeing=1.1)
    (found,) = ledger.unnumbered(10)
    assert (found.listed, found.files_listed) == (FILES, True)
    ledger.number([found], [found.listed], 0)
    db.data_written(1)
    (found,) = ledger.unnumbered(10)
    assert (found.listed, found.files_listed) == (FILES, False), "written again: the files may be others"
    ledger.number([found], [NO_FILES], 0)
    assert [files for *_, files in ledger.read(1, 9, 9)] == [()]
    record(db, 1, seeing=1.2)
    (found,) = ledger.unnumbered(10)
    assert (found.listed, found.files_listed) == (NO_FILES, True)


# What waits for its files.


def test_what_is_left_out_holds_nothing_up(db: ExposureDB, ledger: Ledger) -> None:
    record(db, *range(1, 10))
    waiting = {each.expid: each.last_change for each in ledger.unnumbered(5)}
    assert list(waiting) == [1, 2, 3, 4, 5]
    assert [each.expid for each in ledger.unnumbered(3, waiting)] == [6, 7, 8]


def test_what_was_left_out_and_changed_since_is_found_with_its_newest_state(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 1, 2, 3)
    waiting = {each.expid: each.last_change for each in ledger.unnumbered(10)}
    assert ledger.unnumbered(10, waiting) == []
    record(db, 2, seeing=1.1)
    (again,) = ledger.unnumbered(10, waiting)
    assert again.row is not None
    assert (again.expid, again.row["seeing"], again.last_change > waiting[2]) == (2, 1.1, True)
    assert ledger.number([again], [None], 0) == [(2, 1)]
    assert [each.expid for each in ledger.unnumbered(10)] == [1, 3], "its older change was numbered with it"


def test_the_newest_changes_are_found_behind_many_that_wait(
    db: ExposureDB, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_publisher.ledger.ledger.CHANGES_AT_ONCE", 8)
    record(db, *range(1, 10))
    record(db, 1, seeing=1.1)
    newest = ledger.unnumbered(3, newest=True)
    assert [each.expid for each in newest] == [8, 9, 1]
    waiting = {each.expid: each.last_change for each in newest}
    assert [each.expid for each in ledger.unnumbered(3, waiting, newest=True)] == [5, 6, 7]


def test_changes_are_brought_up_to_the_present(db: ExposureDB, ledger: Ledger, exposure_db_url: str) -> None:
    record(db, 1, 2, 3)
    found = ledger.unnumbered(10)
    record(db, 2, seeing=2.2)
    execute(exposure_db_url, "DELETE FROM exposure WHERE expid = 3")
    present = ledger.present(found)
    assert [(each.expid, each.last_change) for each in present] == [(each.expid, each.last_change) for each in found]
    assert [each.row and each.row["seeing"] for each in present] == [None, 2.2, None]
    assert present[2].row is None


def test_the_confirmed_number_only_rises(db: ExposureDB, ledger: Ledger) -> None:
    record(db, *range(1, 9))
    number_all(ledger)
    for told, kept in ((3, 3), (2, 3), (0, 3), (7, 7)):
        ledger.confirm(told)
        assert ledger.state().confirmed == kept
    record(db, 1, seeing=2.2)
    ledger.number(ledger.unnumbered(9), [None], 5)
    assert ledger.state().confirmed == 7
    record(db, 1, seeing=3.3)
    ledger.number(ledger.unnumbered(9), [None], 8)
    assert (ledger.state().confirmed, ledger.state().newest) == (8, 10)


def confirmed_at(ledger: Ledger) -> dict[int, datetime | None]:
    """When each newest number was confirmed."""
    return {each.sequence: each.confirmed_at for each in ledger.audited(BEFORE_ALL, 100) if each.sequence is not None}


def test_only_the_first_confirm_of_a_number_is_kept(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 10, 20, 30)
    number_all(ledger)
    ledger.confirm(1, {1: FIRST, 3: LATER})
    ledger.confirm(3, {1: LATER, 2: LATER})
    assert ledger.state().confirmed == 3
    assert confirmed_at(ledger) == {1: FIRST, 2: LATER, 3: LATER}


def test_a_new_number_is_not_confirmed_by_the_confirm_of_the_one_before(db: ExposureDB, ledger: Ledger) -> None:
    record(db, 10)
    number_all(ledger)
    ledger.confirm(1, {1: FIRST})
    record(db, 10, seeing=1.1)
    number_all(ledger)
    ledger.confirm(1, {1: LATER})
    assert confirmed_at(ledger) == {2: None}
    ledger.confirm(2, {2: LATER})
    assert confirmed_at(ledger) == {2: LATER}


def test_numbering_nothing_changes_nothing(ledger: Ledger) -> None:
    assert ledger.number([], [], 0) == []
    assert ledger.state().newest == 0


def test_what_another_ledger_has_numbered_since_gets_no_second_number(
    db: ExposureDB, ledger: Ledger, exposure_db_url: str
) -> None:
    record(db, 1, 2)
    with closing(open_ledger(exposure_db_url)) as other:
        found, same = ledger.unnumbered(10), other.unnumbered(1)
        assert other.number(same, [None], 0) == [(1, 1)]
        assert ledger.number(found, [None, None], 0) == [(2, 2)]
        assert ledger.number(found, [None, None], 0) == []
    assert ledger.state().newest == 2


def test_a_transaction_that_commits_late_is_not_passed_over(postgresql_url: str) -> None:
    """Its change was written down before others that have been numbered long since."""
    with ExposureDB(postgresql_url) as db, closing(open_ledger(postgresql_url)) as ledger:
        with connected(postgresql_url) as late, late.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT})")
            record(db, 2, 3)
            assert number_all(ledger) == [(2, 1), (3, 2)]
            cursor.execute("COMMIT")
        assert number_all(ledger) == [(1, 3)]


def test_two_that_change_one_exposure_at_once_are_both_announced(postgresql_url: str) -> None:
    with ExposureDB(postgresql_url) as db, closing(open_ledger(postgresql_url)) as ledger:
        record(db, 1)
        number_all(ledger)
        with connected(postgresql_url) as first, first.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE exposure SET seeing = 1 WHERE expid = 1")
            second = threading.Thread(target=record, args=(db, 1), kwargs={"airmass": 2.0})
            second.start()
            assert ledger.unnumbered(10) == []
            cursor.execute("COMMIT")
        second.join()
        number_all(ledger)
        ((_, _, row, _),) = ledger.read(1, 99, 9)
        assert row is not None
        assert (row["seeing"], row["airmass"]) == (1.0, 2.0)


# Two who number at once.


class Numberer(threading.Thread):
    """Numbers whatever it finds until it is told that nobody writes any more."""

    def __init__(self, url: str, written: threading.Event, seed: int) -> None:
        super().__init__()
        self._ledger = open_ledger(url)
        self._written = written
        self._random = random.Random(seed)
        self.given: list[tuple[int, int, Any]] = []

    def run(self) -> None:
        with closing(self._ledger):
            while True:
                last = self._written.is_set()
                found = self._ledger.unnumbered(self._random.randrange(1, 9))
                self._number(found)
                if last and not found:
                    return

    def _number(self, found: list[Unnumbered]) -> None:
        rows = {each.expid: each.row for each in found}
        for expid, sequence in self._ledger.number(found, [None] * len(found), 0):
            row = rows[expid]
            assert row is not None
            self.given.append((sequence, expid, row["seeing"]))


def test_two_that_number_at_once_give_no_number_twice_and_lose_no_change(db: ExposureDB, exposure_db_url: str) -> None:
    written = threading.Event()
    numberers = [Numberer(exposure_db_url, written, seed) for seed in range(2)]
    for numberer in numberers:
        numberer.start()
    changed = random.Random(7)
    last: dict[int, float] = {}
    for turn in range(150):
        expid = changed.randrange(12)
        last[expid] = float(turn)
        record(db, expid, seeing=last[expid])
    written.set()
    for numberer in numberers:
        numberer.join()
    given = sorted(each for numberer in numberers for each in numberer.given)
    assert [sequence for sequence, _, _ in given] == list(range(1, len(given) + 1))
    announced = {expid: seeing for _, expid, seeing in given}
    assert announced == last, "the highest number of each exposure carries its last state"
    assert changes(exposure_db_url) == []


# Everything that may happen, in any order, against a model.


class LedgerMachine(RuleBasedStateMachine):
    """Writers, deletions and two relays that look and number in any order."""

    url: str
    EXPIDS = st.integers(0, 4)

    @initialize()
    def begin(self) -> None:
        self.db = ExposureDB(self.url)
        self.ledgers = [open_ledger(self.url), open_ledger(self.url)]
        self.looked: list[list[Unnumbered]] = [[], []]
        execute(self.url, "DELETE FROM exposure", "DELETE FROM exposure_change", "DELETE FROM exposure_ledger")
        self.first = self.ledgers[0].state().newest
        self.announced: dict[int, float | None] = {}
        self.rows: dict[int, float] = {}
        self.numbers: list[int] = []
        self.clock = 0.0

    @rule(expids=st.sets(EXPIDS, min_size=1))
    def change(self, expids: set[int]) -> None:
        self.clock += 1
        record(self.db, *expids, seeing=self.clock)
        self.rows |= dict.fromkeys(expids, self.clock)

    @rule(expid=EXPIDS)
    def delete(self, expid: int) -> None:
        execute(self.url, f"DELETE FROM exposure WHERE expid = {expid}")
        self.rows.pop(expid, None)

    @rule(which=st.integers(0, 1), most=st.integers(1, 5))
    def look(self, which: int, most: int) -> None:
        self.looked[which] = self.ledgers[which].unnumbered(most)

    @rule(which=st.integers(0, 1))
    def number(self, which: int) -> None:
        found, self.looked[which] = self.looked[which], []
        states = {each.expid: each.row for each in found}
        for expid, sequence in self.ledgers[which].number(found, [None] * len(found), 0):
            row = states[expid]
            assert row is not None or expid in self.announced, "nobody had heard of it"
            self.numbers.append(sequence)
            self.announced[expid] = None if row is None else row["seeing"]

    @invariant()
    def numbers_follow_one_another(self) -> None:
        assert self.numbers == list(range(self.first + 1, self.first + 1 + len(self.numbers)))

    def teardown(self) -> None:
        for which in (0, 1):
            self.number(which)
            while self.ledgers[which].unnumbered(5):
                self.look(which, 5)
                self.number(which)
        assert {expid: seeing for expid, seeing in self.announced.items() if seeing is not None} == self.rows
        self.numbers_follow_one_another()
        self.db.close()
        for ledger in self.ledgers:
            ledger.close()


def test_no_order_of_events_loses_a_change_or_repeats_a_number(exposure_db_url: str) -> None:
    class Machine(LedgerMachine):
        url = exposure_db_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
