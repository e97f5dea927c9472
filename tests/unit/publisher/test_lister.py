"""The threads that list files: what hangs holds up nothing else."""

import contextlib
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.listing_files import hanging
from tests.waiting import wait_until

from exposure_publisher.manifest import Job, Lister, Listing, lister

Log = pytest.LogCaptureFixture
Results = queue.SimpleQueue[tuple[int, Listing]]


@pytest.fixture
def results() -> Results:
    return queue.SimpleQueue()


@pytest.fixture
def threads(results: Results) -> Iterator[Lister]:
    with contextlib.closing(Lister(lambda job, listing: results.put((job.expid, listing)))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lister, "PATIENCE", 0.05)
    monkeypatch.setattr("exposure_publisher.manifest.job.SMALL", 0)  # each file is a step of its own


def spectro(expid: int) -> str:
    return f"desi-{expid:08d}.fits.fz"


def job_of(tmp_path: Path, expid: int, order: int = 0) -> Job:
    folder = tmp_path / str(expid)
    if not folder.exists():
        folder.mkdir()
        for name in (spectro(expid), f"sky-{expid:08d}.fits.fz", f"gfa-{expid:08d}.fits.fz"):
            (folder / name).write_bytes(name.encode())
    row = {"expid": expid, "night": 20230913, "data_written": True, "data_location": str(folder)}
    return Job(row, folder, None, order=order)


def expids(results: Results, count: int) -> list[int]:
    return [results.get(timeout=30)[0] for _ in range(count)]


def hanging_of(job: Job, threads: Lister) -> int:
    """Have the threads that hang relieved, as the relay's clock does; return how many of a job's do."""
    threads.relieve()
    return job.hanging


def test_every_exposure_is_listed_once(threads: Lister, results: Results, tmp_path: Path) -> None:
    for expid in range(50):
        threads.submit(job_of(tmp_path, expid))
    assert sorted(expids(results, 50)) == list(range(50))
    assert results.empty()


def test_files_that_hang_do_not_hold_up_other_exposures(
    threads: Lister, results: Results, tmp_path: Path, caplog: Log
) -> None:
    hung = [job_of(tmp_path, expid, order=99) for expid in range(5)]
    others = [job_of(tmp_path, expid) for expid in range(5, 10)]
    with hanging(*(path for job in hung for path in job.location.iterdir())):
        for job in (*hung, *others):
            threads.submit(job)
        found: list[int] = []
        wait_until(lambda: _go_on(threads, results, found) == 5, "the others")
        assert sorted(found) == [5, 6, 7, 8, 9]
        for job in hung:
            assert f"exposure {job.expid}: {job.location} does not answer; others are listed meanwhile" in caplog.text
    assert sorted(expids(results, 5)) == [0, 1, 2, 3, 4], "they are listed once the server answers"


def _go_on(threads: Lister, results: Results, found: list[int]) -> int:
    threads.relieve()
    with contextlib.suppress(queue.Empty):
        found.append(results.get_nowait()[0])
    return len(found)


def test_one_exposure_that_hangs_takes_no_more_threads_than_there_are_at_first(
    threads: Lister, results: Results, tmp_path: Path
) -> None:
    hung = job_of(tmp_path, 1)
    with hanging(*hung.location.iterdir()):
        threads.submit(hung)
        wait_until(lambda: hanging_of(hung, threads) == lister.THREADS, "both threads hanging")
        threads.submit(job_of(tmp_path, 2))
        assert expids(results, 1) == [2]
        assert hung.hanging == lister.THREADS
    ((expid, listing),) = [results.get(timeout=30)]
    assert (expid, listing.complete, len(listing.listed.files if listing.listed else ())) == (1, True, 3)


def test_what_changed_last_is_listed_first(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lister, "THREADS", 1)
    first = job_of(tmp_path, 1, order=1)
    with contextlib.closing(Lister(lambda job, listing: results.put((job.expid, listing)))) as threads:
        with hanging(first.location / spectro(1)):
            monkeypatch.setattr(lister, "PATIENCE", 3600.0)
            threads.submit(first)
            wait_until(lambda: first.begun, "the only thread being busy")
            for expid in (2, 4, 3):
                threads.submit(job_of(tmp_path, expid, order=expid))
        assert expids(results, 4)[:3] == [4, 3, 2]


def test_what_is_forgotten_has_no_result(threads: Lister, results: Results, tmp_path: Path) -> None:
    forgotten = job_of(tmp_path, 1)
    with hanging(*forgotten.location.iterdir()):
        threads.submit(forgotten)
        wait_until(lambda: hanging_of(forgotten, threads) > 0, "it hanging")
        forgotten.forgotten = True
    wait_until(lambda: forgotten.steps_left == 0, "it being done with")
    threads.submit(job_of(tmp_path, 2))
    assert expids(results, 1) == [2]


def test_a_closed_lister_calls_nobody(results: Results, tmp_path: Path) -> None:
    threads = Lister(lambda job, listing: results.put((job.expid, listing)))
    job = job_of(tmp_path, 1)
    with hanging(*job.location.iterdir()):
        threads.submit(job)
        wait_until(lambda: job.begun, "it being begun")
        threads.close()
    wait_until(lambda: not threads._workers, "the threads ending")
    assert results.empty()
