"""`exposure-bus files --new`: each exposure's files as it is written, across restarts, in one command."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.night import files_in
from tests.processes import Daemon, Processes
from tests.raw_exposures import NIGHT, trees_agree, write_exposure
from tests.raw_sql import execute
from tests.waiting import wait_until

import ICSInterface
from exposure_publisher import ExposureDB

SPECTRO = "desi-{:08d}.fits.fz"


class Site:
    """An ICS that writes exposures, and a QLF host with one command."""

    def __init__(self, folder: Path, processes: Processes, exposure_db_url: str, cache_url: str) -> None:
        self.raw, self.dest = folder / "raw", folder / "scratch"
        self._processes = processes
        self._database = ExposureDB(exposure_db_url)
        self.cache_url = cache_url
        self._ics = ICSInterface.ICSInterface(cache_url)
        processes.start("publish")

    def expose(self, expid: int, *, night: int = NIGHT, seed: int = 0) -> Path:
        folder = write_exposure(self.raw, expid, night=night, seed=seed)
        self._database.record(expid=expid, night=night)
        self._database.data_written(expid, data_location=str(folder))
        return folder

    def fetch_new(self, *options: str) -> Daemon:
        return self._processes.start(
            "files", "--new", "--dest", str(self.dest), "--layout", "desi", "--class", "all", *options
        )

    def follow(self) -> None:
        """Keep the cache by a follower of its own; the one in the command stands by."""
        self._processes.start("follow")

    def cached(self, written: int = 0) -> bool:
        """Whether the cache is there, complete, and knows so many written exposures."""
        try:
            status = self._ics.status()
            return bool(status["complete"]) and status["written"] == written
        except ICSInterface.CacheUnavailable:
            return False

    def has(self, *expids: int, night: int = NIGHT) -> bool:
        def whole(number: str) -> bool:
            there, here = self.raw / str(night) / number, self.dest / str(night) / number
            return here.exists() and trees_agree(there, here)

        return all(whole(f"{expid:08d}") for expid in expids)


@pytest.fixture
def site(tmp_path: Path, processes: Processes, broker_url: str, subscriber: str) -> Site:
    exposure_db_url, cache_url = files_in(tmp_path)
    processes.settings(
        broker_url=broker_url, subscriber=subscriber, exposure_db_url=exposure_db_url, cache_url=cache_url
    )
    return Site(tmp_path, processes, exposure_db_url, cache_url)


def said(daemon: Daemon, text: str) -> Callable[[], bool]:
    return lambda: text in daemon.log


def test_one_command_brings_each_exposure_as_it_is_written(site: Site) -> None:
    fetching = site.fetch_new()
    for expid in (1, 2, 3):
        site.expose(expid)
        wait_until(lambda expid=expid: site.has(expid), f"the files of exposure {expid}")  # type: ignore[misc]
    assert fetching.end() == 0
    assert "Traceback" not in fetching.log


def test_the_result_is_what_sha256sum_and_verify_call_right(site: Site, processes: Processes) -> None:
    site.fetch_new()
    folder = site.dest / str(NIGHT) / "00000007"
    site.expose(7)
    wait_until(lambda: site.has(7), "the files")
    checked = subprocess.run(
        ["sha256sum", "--check", "checksum-00000007.sha256sum"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout.count(": OK")) == (0, 3)
    assert processes.run("verify", str(site.dest), "--class", "all").returncode == 0
    noted = "SELECT folder, expid, files, verified FROM fetched"
    wait_until(lambda: execute(site.cache_url, noted) == [(str(folder), 7, 4, 4)], "the note of it")


def test_it_goes_on_where_it_ended(site: Site) -> None:
    fetching = site.fetch_new()
    for expid in (1, 2):  # what was fetched last may be looked at again
        site.expose(expid)
        wait_until(said(fetching, f"exposure {expid} of"), "it fetched")
    fetching.kill()
    site.expose(3)
    again = site.fetch_new()
    wait_until(lambda: site.has(3), "what was written meanwhile")
    assert "exposure 1 of" not in again.log


def test_it_begins_with_the_newest_night_there_is(site: Site) -> None:
    site.follow()
    site.expose(1, night=NIGHT - 2)
    wait_until(lambda: site.cached(written=1), "one in the cache")
    site.expose(2, night=NIGHT)
    wait_until(lambda: site.cached(written=2), "both in the cache")
    fetching = site.fetch_new()
    wait_until(lambda: site.has(2), "the newest night")
    site.expose(3, night=NIGHT - 1)
    wait_until(lambda: site.has(3, night=NIGHT - 1), "what comes late of a night before")
    assert not (site.dest / str(NIGHT - 2)).exists()
    assert fetching.running


def test_an_exposure_that_fails_holds_up_none_and_is_tried_again_also_after_a_restart(site: Site) -> None:
    site.follow()
    wait_until(site.cached, "the cache")
    fetching = site.fetch_new()
    wait_until(said(fetching, "fetching new exposures"), "the start")
    fetching.freeze()
    folder = site.expose(1)
    wait_until(lambda: site.cached(written=1), "it in the cache")
    (folder / SPECTRO.format(1)).rename(folder / "away")
    site.expose(2)
    fetching.thaw()
    wait_until(lambda: site.has(2), "the one after it")
    wait_until(said(fetching, "exposure 1: cannot read"), "the failure")
    fetching.kill()
    again = site.fetch_new()
    wait_until(said(again, "exposure 1: cannot read"), "the failure, after a restart")
    (folder / "away").rename(folder / SPECTRO.format(1))
    wait_until(lambda: site.has(1), "what was mended", seconds=60)
    assert not list(site.dest.rglob("*.part"))


def test_files_that_were_replaced_are_fetched_again(site: Site) -> None:
    site.fetch_new()
    site.expose(1)
    wait_until(lambda: site.has(1), "the files")
    site.expose(1, seed=1)
    wait_until(lambda: site.has(1), "the files that replaced them")


def test_two_do_not_fetch_to_the_same_folder(site: Site) -> None:
    first = site.fetch_new()
    wait_until(said(first, "fetching new exposures"), "the first")
    second = site.fetch_new()
    assert second.wait() == 1
    assert "choose another destination" in second.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_it_is_told_to(site: Site, number: int) -> None:
    fetching = site.fetch_new()
    wait_until(said(fetching, "fetching new exposures"), "the start")
    assert fetching.end(number) == 0
    assert "Traceback" not in fetching.log
