"""When announcements went through each stage, and what was fetched: kept beside the exposures, on both databases."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.caching import NIGHT, Cached
from tests.raw_exposures import listed, write_exposure
from tests.raw_sql import execute

import ICSInterface
from exposure_schemas import Exposure, ExposureSummary, Heartbeat
from exposure_subscriber.audit.audit import Finding, Proof
from exposure_subscriber.audit.healing import mark
from exposure_subscriber.audit.report import report_rows
from exposure_subscriber.audit.verdict import Verdict
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.cache.moments import now_micros, to_micros, to_moment
from exposure_subscriber.cache.reading import exposure as cached_exposure
from exposure_subscriber.cache.writing import Batch, CacheWriter
from exposure_subscriber.mirror import Turns

WRITTEN = datetime(2023, 9, 14, 3, tzinfo=UTC)
PUBLISHED = WRITTEN + timedelta(seconds=2)
RECEIVED = to_micros(PUBLISHED) + 1_500


def announced(expid: int, sequence: int, **values: Any) -> ExposureSummary:
    """A live message of an exposure whose data is written."""
    known: dict[str, Any] = {"night": NIGHT, "data_written": True, "data_written_at": WRITTEN}
    return ExposureSummary(
        epoch="ours",
        covers=(sequence, sequence),
        replayed=False,
        published_at=PUBLISHED,
        exposures=(Exposure(expid=expid, sequence=sequence, **known | values),),
    )


def write(writer: CacheWriter, *messages: ExposureSummary | Heartbeat, received_at: int = RECEIVED) -> None:
    """Write what came in one batch, each a microsecond after the one before."""
    batch = Batch()
    for after, message in enumerate(messages):
        batch.add(message, received_at + after)
    writer.write(batch)


def stages(cache: CacheDatabase) -> dict[int, tuple[int, int]]:
    """Sequence of each exposure's row, and how many microseconds after `RECEIVED` it was received."""
    rows = execute(cache.url, f"SELECT expid, sequence, received_at - {RECEIVED} FROM stage")
    return {expid: (sequence, received) for expid, sequence, received in rows}


# Announcements.


def test_a_live_announcement_has_its_moments_kept(cache: CacheDatabase, writer: CacheWriter) -> None:
    before = now_micros()
    write(writer, announced(1, 1))
    ((*moments, cached_at),) = execute(
        cache.url, "SELECT expid, sequence, data_written_at, published_at, received_at, cached_at FROM stage"
    )
    assert moments == [1, 1, to_micros(WRITTEN), to_micros(PUBLISHED), RECEIVED]
    assert before <= cached_at <= now_micros()


def test_many_that_come_together_are_all_kept(cache: CacheDatabase, writer: CacheWriter) -> None:
    write(writer, *(announced(number, number) for number in range(1, 402)))
    assert stages(cache) == {number: (number, number - 1) for number in range(1, 402)}


def test_what_is_replayed_or_not_written_yet_has_none(cache: CacheDatabase, writer: CacheWriter) -> None:
    write(writer, replace(announced(1, 1), replayed=True), announced(2, 2, data_written=False))
    assert stages(cache) == {}


@pytest.mark.parametrize("together", [True, False])
def test_a_change_of_a_value_is_no_new_announcement_and_new_data_is(
    together: bool, cache: CacheDatabase, writer: CacheWriter
) -> None:
    later = WRITTEN + timedelta(minutes=5)
    messages = [announced(1, 1), announced(1, 2, seeing=1.1), announced(2, 3), announced(2, 4, data_written_at=later)]
    if together:
        write(writer, *messages)
    else:
        for after, message in enumerate(messages):
            write(writer, message, received_at=RECEIVED + after)
    assert stages(cache) == {1: (1, 0), 2: (4, 3)}


def test_what_is_delivered_again_was_received_when_it_came_first(cache: CacheDatabase, writer: CacheWriter) -> None:
    write(writer, announced(1, 1))
    write(writer, announced(1, 1), received_at=RECEIVED + 60_000_000)
    assert stages(cache) == {1: (1, 0)}


def test_an_announcement_that_comes_after_a_newer_pending_state_has_none(
    cache: CacheDatabase, writer: CacheWriter
) -> None:
    write(writer, announced(1, 2, data_written=False))
    write(writer, announced(1, 1))
    assert stages(cache) == {}


def test_another_ledger_counts_for_nothing_until_it_is_followed_and_then_begins_anew(
    cache: CacheDatabase, writer: CacheWriter
) -> None:
    theirs = replace(announced(2, 1), epoch="theirs")
    write(writer, announced(1, 1))
    write(writer, theirs)
    assert stages(cache) == {1: (1, 0)}
    execute(cache.url, "UPDATE follower SET heard_at = 1, beat_interval = 5")
    writer._listening_since = 0
    write(writer, Heartbeat(epoch="theirs", newest=1, published_at=PUBLISHED, interval=5), theirs)
    assert stages(cache) == {2: (1, 1)}


def test_an_exposure_that_the_exposuredb_does_not_have_leaves_with_its_moments(
    cache: CacheDatabase, writer: CacheWriter
) -> None:
    write(writer, announced(1, 1), announced(2, 2))
    extra = Finding(expid=1, night=NIGHT, truth=None, here=cached_exposure(cache, 1), verdict=Verdict.EXTRA)
    mark(cache, [extra])
    assert stages(cache) == {2: (2, 1)}


# Files.


@pytest.fixture
def cached(cache_url: str, tmp_path: Path) -> Iterator[Cached]:
    """A cache with one written exposure, which has three files and their checksum file."""
    location = write_exposure(tmp_path / "raw", 1)
    with Cached(cache_url) as made:
        made.beat()
        expose(made, location)
        yield made


def expose(cached: Cached, location: Path, **values: Any) -> None:
    known: dict[str, Any] = {"data_written": True, "data_location": str(location), "files": listed(location, 1)}
    cached.expose(1, **known | values)


def fetched(cached: Cached) -> list[tuple[Any, ...]]:
    return execute(cached.url, "SELECT folder, expid, data_written_at, files, verified FROM fetched ORDER BY folder")


def fetched_at(cached: Cached) -> int:
    return int(execute(cached.url, "SELECT fetched_at FROM fetched")[0][0])


def test_files_that_were_fetched_are_noted_for_each_folder(cached: Cached, tmp_path: Path) -> None:
    ics, before = ICSInterface.ICSInterface(cached.url), now_micros()
    for name in ("a", "b"):
        ics.get_exposure_files(1, tmp_path / name)
    written_at = to_micros(datetime(2023, 9, 14, tzinfo=UTC))
    assert fetched(cached) == [(str(tmp_path / name), 1, written_at, 2, 2) for name in ("a", "b")]
    assert before <= fetched_at(cached) <= now_micros()


def test_files_that_are_only_looked_at_are_not_fetched(cached: Cached) -> None:
    ICSInterface.ICSInterface(cached.url).get_exposure_files(1)
    assert fetched(cached) == []


def test_fetching_again_what_is_there_does_not_make_it_late_and_new_files_have_a_new_moment(
    cached: Cached, tmp_path: Path
) -> None:
    ics, dest = ICSInterface.ICSInterface(cached.url), tmp_path / "a"
    ics.get_exposure_files(1, dest)
    first = fetched_at(cached)
    ics.get_exposure_files(1, dest, "all")
    assert (fetched_at(cached), [row[3:] for row in fetched(cached)]) == (first, [(4, 4)])
    location = write_exposure(tmp_path / "raw", 1, seed=1)
    expose(cached, location, data_written_at=WRITTEN)
    ics.get_exposure_files(1, dest)
    assert fetched_at(cached) > first
    assert fetched(cached) == [(str(dest), 1, to_micros(WRITTEN), 2, 2)]


def test_files_without_a_checksum_are_not_verified_and_a_checksum_file_verifies(cached: Cached, tmp_path: Path) -> None:
    ics, location = ICSInterface.ICSInterface(cached.url), tmp_path / "raw" / str(NIGHT) / "00000001"
    expose(cached, location, files=tuple(replace(file, sha256=None) for file in listed(location, 1)))
    ics.get_exposure_files(1, tmp_path / "a", "all")
    expose(cached, location, files=None)
    ics.get_exposure_files(1, tmp_path / "b", "all")
    assert [row[3:] for row in fetched(cached)] == [(4, 0), (4, 3)], "no file lists the checksum file itself"


def test_an_audit_reports_when_the_files_as_they_are_now_were_fetched(cached: Cached, tmp_path: Path) -> None:
    database = open_cache(cached.url)

    def reported() -> tuple[Any, Any]:
        here = Finding(expid=1, night=NIGHT, truth=None, here=cached_exposure(database, 1), verdict=Verdict.OK)
        (row,) = report_rows(database, Proof(newest=1, nights=1, exposures=1, findings=(here,)))
        return row["fetched"], row["verified"]

    assert reported() == (None, False)
    ICSInterface.ICSInterface(cached.url).get_exposure_files(1, tmp_path / "a")
    assert reported() == (to_moment(fetched_at(cached)), True)
    expose(cached, write_exposure(tmp_path / "raw", 1, seed=1), data_written_at=WRITTEN)
    assert reported() == (None, False)


def test_a_turn_that_is_done_notes_its_files(cached: Cached, tmp_path: Path) -> None:
    turns, database = Turns(open_cache(cached.url), tmp_path), open_cache(cached.url)
    assert turns.begin()
    known = cached_exposure(database, 1)
    assert known is not None
    found = ICSInterface.ICSInterface(cached.url).get_exposure_files(1, tmp_path / "a")
    execute(cached.url, "DELETE FROM fetched")
    turns.done(1, None, (known, found))
    assert [row[:2] for row in fetched(cached)] == [(str(tmp_path / "a"), 1)]
    assert turns.due() == []


def test_a_cache_that_cannot_be_written_to_fails_no_fetch(tmp_path: Path) -> None:
    location = write_exposure(tmp_path / "raw", 1)
    with Cached(f"sqlite:///{tmp_path}/cache.sqlite") as cached:
        expose(cached, location)
        cached.beat()
        execute(cached.url, "CREATE TRIGGER refuses BEFORE INSERT ON fetched BEGIN SELECT RAISE(FAIL, 'no'); END")
        found = ICSInterface.ICSInterface(cached.url).get_exposure_files(1, tmp_path / "a")
        assert [stat.S_ISREG(file.path.stat().st_mode) for file in found.files] == [True, True]
        assert fetched(cached) == []
