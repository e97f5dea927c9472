"""The ICS's own table: it is written by who knows nothing of us, and followers hold what it holds.

``EXPOSURE_BUS_ROWS`` sets how many rows are there before; what each writer does grows with it, up to 1,500 deeds.
"""

import os
import random
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
from tests import ics_table
from tests.processes import Processes
from tests.waiting import wait_until

import ICSInterface

WRITERS = 4
BEFORE = int(os.environ.get("EXPOSURE_BUS_ROWS", "3000"))
"""Rows that are there already."""
DEEDS = min(BEFORE // 12, 1500)
AGREED_WITHIN = 90 + BEFORE / 1000
"""Seconds."""


class Site:
    """A table of the ICS's, a relay and two followers, as processes."""

    def __init__(self, processes: Processes, broker_url: str, subscriber: str, url: str, folder: Path) -> None:
        self.url, self.table = url, ics_table.make(url)
        self._processes = processes.settings(broker_url=broker_url, exposure_db_url=url)
        self._followers = {f"{subscriber}-{name}": f"sqlite:///{folder}/{name}.sqlite" for name in ("a", "b")}
        self.seed = random.SystemRandom().randrange(2**32)
        print(f"seed {self.seed}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._processes.run(*arguments)

    def attach(self) -> None:
        done = self.run("attach", "--table", self.table, "--profile", "desi")
        assert (done.returncode, done.stderr) == (0, ""), done

    def start(self) -> None:
        self.publisher = self._processes.start("publish")
        self.standby = self._processes.start("publish")
        for name, cache_url in self._followers.items():
            self._processes.start("follow", subscriber=name, cache_url=cache_url)

    def write_at_once(self) -> list[threading.Thread]:
        writers = [
            ics_table.Writer(self.url, self.table, BEFORE - 50 + 100 * number, self.seed + number)
            for number in range(WRITERS if "postgresql" in self.url else 1)
        ]
        threads = [threading.Thread(target=writer.write, args=(DEEDS,)) for writer in writers]
        for thread in threads:
            thread.start()
        return threads

    def audit(self) -> None:
        """Have each follower prove the same by digests."""
        for name, cache_url in self._followers.items():
            done = self._processes.run("audit", subscriber=name, cache_url=cache_url)
            assert done.returncode == 0, done

    def wait_until_followers_hold_what_the_table_does(self) -> None:
        for name, cache_url in self._followers.items():
            agrees = partial(self._agrees, ICSInterface.ICSInterface(cache_url))
            wait_until(agrees, f"follower {name} agreeing with the table", seconds=AGREED_WITHIN)

    def _agrees(self, ics: ICSInterface.ICSInterface) -> bool:
        try:
            held = ics.get_exposure_summary(expid_range=(0, 10**9), require_data_written=False)
            return held == ics_table.seen_by_qlf(self.url, self.table) and bool(ics.status()["complete"])
        except ICSInterface.CacheUnavailable:
            return False


@pytest.fixture
def site(processes: Processes, broker_url: str, subscriber: str, exposure_db_url: str, tmp_path: Path) -> Site:
    return Site(processes, broker_url, subscriber, exposure_db_url, tmp_path)


@pytest.mark.filterwarnings("ignore::ICSInterface.StaleCacheWarning")
def test_followers_hold_what_the_table_does_whoever_writes_it_and_however(site: Site) -> None:
    ics_table.fill(site.url, site.table, BEFORE)
    site.attach()
    site.start()
    writers = site.write_at_once()
    wait_until(lambda: "connected" in site.publisher.log + site.standby.log, "a relay at work")
    site.publisher.kill()  # the other one goes on
    for writer in writers:
        writer.join()
    site.wait_until_followers_hold_what_the_table_does()
    for writer in site.write_at_once():
        writer.join()
    site.wait_until_followers_hold_what_the_table_does()
    site.audit()
