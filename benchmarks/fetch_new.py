"""`files --new` as a process: from the commit of data_written to verified files under their names."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from benchmarks import others
from benchmarks.fetch_local import folders
from benchmarks.measure import Result, seconds
from benchmarks.servers import Servers
from benchmarks.trees import NIGHT, ONE_SMALL, THIRTEEN, remove, total, write_exposures
from exposure_publisher import ExposureDB
from exposure_schemas import Exposure

COMMAND: Final = str(Path(sys.executable).with_name("exposure-bus"))
DEADLINE: Final = 120.0
LOOK: Final = 0.0005
"""Seconds between looks at the destination: what is measured is a few tens of milliseconds."""


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    with Site(work / "site", servers.virtual_host()) as site:
        yield _latency(site, 20 if quick else 100)
        yield from _burst(site, 3 if quick else 10, repeats=1 if quick else 3)


class Site:
    """An exposureDB, a relay, and a host that fetches what is new.

    Args:
        folder: Where everything lies.
        broker_url: RabbitMQ.
    """

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.raw, self.dest = folder / "raw", folder / "dest"
        folder.mkdir()
        self._log = folder / "log"
        self._environment = os.environ | {
            "EXPOSURE_BUS_BROKER_URL": broker_url,
            "EXPOSURE_BUS_EXPOSURE_DB_URL": f"sqlite:///{folder}/exposuredb.sqlite",
            "EXPOSURE_BUS_CACHE_URL": f"sqlite:///{folder}/cache.sqlite",
            "EXPOSURE_BUS_CONFIG": os.devnull,
        }
        self._database = ExposureDB(f"sqlite:///{folder}/exposuredb.sqlite")
        self._numbers = itertools.count(1)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._running.enter_context(self._process("publish"))
        options = ("--new", "--dest", str(self.dest), "--layout", "desi", "--class", "all")
        self._running.enter_context(self._process("files", *options))
        self._wait(lambda: "fetching new exposures" in self._log.read_text())
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()

    def write(self, count: int, sizes: Mapping[str, int]) -> list[Exposure]:
        """Write the files of some exposures, and their rows, not yet as written."""
        exposures = write_exposures(self.raw, list(itertools.islice(self._numbers, count)), sizes)
        for exposure in exposures:
            self._database.record(expid=exposure.expid, night=NIGHT)
        return exposures

    def announce_and_wait(self, exposures: Sequence[Exposure]) -> None:
        """Say that their data is written, and wait until every file stands under its name."""
        for exposure in exposures:
            self._database.data_written(exposure.expid, data_location=exposure.data_location)
        awaited = [self._place(exposure, file.name) for exposure in exposures for file in exposure.files or ()]
        self._wait(lambda: all(path.exists() for path in reversed(awaited)))

    def _place(self, exposure: Exposure, name: str) -> Path:
        return self.dest / str(exposure.night) / f"{exposure.expid:08d}" / name

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(self._log.read_text())
            time.sleep(LOOK)

    @contextmanager
    def _process(self, *arguments: str) -> Iterator[None]:
        with self._log.open("ab") as log:
            process = subprocess.Popen([COMMAND, *arguments], env=self._environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _latency(site: Site, count: int) -> Result:
    exposures = site.write(count, ONE_SMALL)
    ours = [1000 * seconds(lambda exposure=exposure: site.announce_and_wait([exposure])) for exposure in exposures]  # type: ignore[misc]
    remove(site.raw)
    return Result(
        operation="one file of 0.3 MB: data_written committed to verified under its name",
        unit="ms",
        ours=ours,
        floor=[],
        floor_is="",
        target=50,
    )


def _burst(site: Site, count: int, *, repeats: int) -> Iterator[Result]:
    ours, floor, flushed = [], [], []
    fresh = folders(site.dest.with_name("others"))
    for _ in range(repeats):
        exposures = site.write(count, THIRTEEN)
        ours.append(seconds(lambda: site.announce_and_wait(exposures)))  # noqa: B023 (done with before the next)
        os.sync()
        floor.append(fresh(lambda dest: _rsync_and_check(site, exposures, dest))())  # noqa: B023 (likewise)
        flushed.append(fresh(lambda dest: others.cp_flushed(site.raw, dest / "copy"))())
        remove(site.dest / str(NIGHT))  # not earlier: it may still be noting that they are there
        remove(site.raw)
    what = f"{count} exposures of 13 files of 20 MB ({total(exposures) // 10**6} MB) announced to all verified"
    yield Result(
        operation=what, unit="s", ours=ours, floor=floor, floor_is="rsync -a, sha256sum -c", target=5, turned=True
    )
    yield Result(
        operation=what, unit="s", ours=ours, floor=flushed, floor_is="cp -r, flushed to disk, unverified", target=1.25
    )


def _rsync_and_check(site: Site, exposures: Sequence[Exposure], dest: Path) -> None:
    others.rsync_then(lambda: others.check_by_sha256sum(dest, exposures), site.raw, dest)
