"""`exposure-bus status` as a person types it: how fresh the cache is, and how long a night's exposures took."""

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.in_threads import running
from tests.night import NIGHT, files_in
from tests.processes import Processes
from tests.raw_exposures import write_exposure
from tests.raw_sql import changes, execute
from tests.waiting import wait_until

import ICSInterface
from exposure_publisher import ExposureDB
from exposure_publisher.relay import Relay, relay
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower

COUNT = 4

# On a busy machine a heartbeat of these quick ones may well be late, and then the cache says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")

HERE = [("published", "received"), ("received", "cached"), ("cached", "fetched")]
THERE = [("written", "numbered"), ("numbered", "published"), ("published", "confirmed")]
WHOLE = [("written", "cached"), ("written", "fetched")]


class Site:
    """An ICS host with its relay, and a QLF host with its follower."""

    def __init__(self, folder: Path, processes: Processes, broker_url: str, subscriber: str) -> None:
        self._exposure_db_url, self.cache_url = files_in(folder)
        self._broker_url, self._subscriber = broker_url, subscriber
        self._folder, self._processes = folder, processes
        processes.settings(broker_url=broker_url, cache_url=self.cache_url, subscriber=subscriber)
        self.database = ExposureDB(self._exposure_db_url)
        self.ics = ICSInterface.ICSInterface(self.cache_url, broker_url, subscriber)

    def relay(self) -> Relay:
        return Relay(self._broker_url, self._exposure_db_url)

    @contextmanager
    def following(self) -> Iterator[None]:
        with running(Follower(self._broker_url, self._subscriber, open_cache(self.cache_url))):
            yield

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Both at work: what is exposed from now on comes live, and not by a replay."""
        with running(self.relay()), self.following():
            self.wait_until_complete(written=0)  # a heartbeat has come, so the follower's queue is bound
            yield

    def expose(self, *expids: int) -> None:
        for expid in expids:
            folder = write_exposure(self._folder / "raw", expid)
            self.database.record(expid=expid, night=NIGHT)
            self.database.data_written(expid, data_location=str(folder))

    def wait_until_complete(self, written: int) -> None:
        def complete() -> bool:
            status = self.ics.status()
            return bool(status["complete"]) and status["written"] == written

        wait_until(complete, "the cache being complete")

    def seeing(self, expid: int) -> float | None:
        (found,) = self.ics.get_exposure_summary(expid_range=(expid, expid))
        return found["seeing"]  # type: ignore[no-any-return] # a float or None, by the summary's table

    def wait_until_confirmed(self) -> None:
        """Wait until every change has a number and a confirm, which is written down a moment after it came."""
        wait_until(lambda: not changes(self._exposure_db_url), "each change having a number")
        unconfirmed = "SELECT expid FROM exposure_ledger WHERE confirmed_at IS NULL"
        wait_until(lambda: not execute(self._exposure_db_url, unconfirmed), "each number being confirmed")

    def status(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self._processes.run("status", *options)


@pytest.fixture
def site(
    tmp_path: Path, processes: Processes, broker_url: str, subscriber: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    made = Site(tmp_path, processes, broker_url, subscriber)
    yield made
    made.database.close()


def counts(told: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], int]:
    """How many exposures went through each stage, as JSON tells it."""
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    return {(row["from"], row["to"]): row["n"] for row in rows}


def stages_of(*groups: list[tuple[str, str]], n: int) -> dict[tuple[str, str], int]:
    return {stage: n for group in groups for stage in group}


def test_a_night_is_told_of_from_stage_to_stage_with_the_publisher_and_without(site: Site, tmp_path: Path) -> None:
    with site.at_work():
        site.expose(*range(1, COUNT + 1))
        site.wait_until_complete(written=COUNT)
        site.wait_until_confirmed()
        site.ics.get_exposure_files(1, tmp_path / "qlf")
        told = site.status("--night", str(NIGHT), "--format", "json")
        assert (told.returncode, told.stderr) == (0, "")
        everything = stages_of(THERE, HERE, WHOLE, n=COUNT)
        assert counts(told) == everything | {("cached", "fetched"): 1, ("written", "fetched"): 1}
        site.database.record(expid=1, seeing=1.1)  # its newest number is another one now
        wait_until(lambda: site.seeing(1) == 1.1, "the change in the cache")
        changed = counts(site.status("--night", str(NIGHT), "--format", "json"))
        assert [changed[stage] for stage in THERE] == [COUNT - 1] * 3
        assert changed["written", "cached"] == COUNT
    alone = site.status("--night", str(NIGHT), "--format", "json")
    assert (alone.returncode, alone.stderr.count("\n")) == (0, 1)
    assert "without 'numbered' and 'confirmed': the publisher did not answer within" in alone.stderr
    assert [counts(alone)[stage] for stage in (*THERE, *HERE[:2])] == [0, 0, 0, COUNT, COUNT]


def test_a_night_is_shown_as_a_table_and_as_csv(site: Site) -> None:
    with site.at_work():
        site.expose(1, 2)
        site.wait_until_complete(written=2)
        table = site.status("--night", str(NIGHT))
        listed = site.status("--night", str(NIGHT), "--format", "csv")
    head, columns, *lines = table.stdout.splitlines()
    assert head == f"night {NIGHT}: 2 written exposures"
    assert columns.split() == ["from", "to", "n", "p50_ms", "p95_ms", "p99_ms", "max_ms"]
    assert [line.split()[:2] for line in lines] == [
        list(stage) for stage in (*THERE, *HERE[:2], ("cached", "fetched"), *WHOLE)
    ]
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(listed.stdout)))
    (whole,) = (row for row in rows if (row["from"], row["to"]) == ("written", "cached"))
    assert 0 <= float(whole["p50_ms"]) <= float(whole["max_ms"]) < 60_000


def test_what_was_replayed_is_counted_and_has_no_latency(site: Site) -> None:
    with running(site.relay()):
        site.expose(1)
        site.wait_until_confirmed()
        with site.following():
            site.wait_until_complete(written=1)
            told = site.status("--night", str(NIGHT))
    assert told.returncode == 0
    assert "1 written exposure, 1 of them not announced live but replayed" in told.stdout


def test_a_night_that_the_cache_does_not_have_is_said(site: Site) -> None:
    with site.following():
        told = site.status("--night", "20200101")
    assert (told.returncode, told.stdout) == (3, "")
    assert told.stderr == "exposure-bus: the cache has no exposure of night 20200101\n"


def test_a_publisher_that_was_stopped_is_said_with_its_last_heartbeat_and_all_is_never_well(site: Site) -> None:
    with site.at_work():
        site.expose(1, 2)
        site.wait_until_complete(written=2)
        lively = wait_until(lambda: "" if (told := site.status()).returncode else told.stdout, "all being well")
        assert lively.startswith(f"complete up to {newest(site)}, at ")
    wait_until(lambda: site.ics.status()["silent"], "heartbeats being overdue")
    heard_at: datetime = site.ics.status()["heard_at"]
    told = site.status()
    assert told.returncode == 4
    assert told.stdout.splitlines()[0] == (
        f"complete up to {newest(site)}, no heartbeat since {heard_at:%Y-%m-%dT%H:%M:%S}Z"
    )
    assert json.loads(site.status("--format", "json").stdout)["complete"] is False
    with pytest.warns(ICSInterface.StaleCacheWarning, match=f"no heartbeat since {heard_at:%Y-%m-%dT%H:%M:%S}Z"):
        assert len(site.ics.get_exposure_summary(expid_range=(1, 2))) == 2


def newest(site: Site) -> int:
    return int(site.ics.status()["newest"])
