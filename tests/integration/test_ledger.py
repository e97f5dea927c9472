"""The ledger: numbers without gaps, no change without its number, whoever writes and whoever numbers beside."""

import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.numbering import NIGHT, number_all, record, retracted, sequences
from tests.raw_sql import changes, connected, execute

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, Matches, Selection, open_ledger
from exposure_publisher.ledger.selection import BEFORE_ALL
from exposure_publisher.manifest import Listed, Stamp
from exposure_schemas import ManifestFile

FILES = Listed(
    (ManifestFile(name="desi-00000001.fits.fz", file_class="spectro", size=3, sha256="0" * 64),),
    {"desi-00000001.fits.fz": Stamp(3, 1_694_660_055_926_535_001, 1_694_660_055_926_535_002, 2**64 - 1)},
)
NO_FILES = Listed(())
FIRST = datetime(2023, 9, 14, 3, 0, 0, 250_000, tzinfo=UTC)
LATER = datetime(2023, 9, 14, 3, 0, 1, tzinfo=UTC)


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
