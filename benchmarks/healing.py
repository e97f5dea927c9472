"""Healing: a new follower brings a whole history into an empty cache, beside a copy by the drivers without a broker."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import copying
from benchmarks.daemons import Daemon, Host, wait
from benchmarks.history import write_history
from benchmarks.measure import REPEATS, Curve, Measured, Result, seconds
from benchmarks.servers import Servers
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower
from exposure_subscriber.cache import open_cache

FLOORS: Final = {
    "SQLite": "the same rows read and upserted by the driver's executemany, 5,000 a transaction, no broker",
    "PostgreSQL": "the same rows read, COPY into a staging table and one upsert, 5,000 a transaction, no broker",
}
FLAT: Final = 20
"""MB by which a process may be larger after ten or a hundred times as many exposures."""

Points = list[tuple[float, Measured]]


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes = (3_000, 30_000) if quick else (3_000, 30_000, 300_000)
    for kind in FLOORS:
        yield from healed(Site(work / kind, servers, kind), sizes, 1 if quick else REPEATS)


def healed(site: "Site", sizes: tuple[int, ...], repeats: int) -> Iterator[Result | Curve]:
    """Heal histories of each size, the largest several times."""
    took = [_of_size(site, size, repeats if size == sizes[-1] else 1) for size in sizes]
    last = took[-1]
    yield Result(
        operation=f"heal {last.count:,} exposures into an empty cache on {site.kind}, asked for to last commit",
        unit="s",
        ours=last.ours,
        floor=last.floor,
        floor_is=FLOORS[site.kind],
        target=1.3,
    )
    for process in ("relay", "follower"):
        yield Result(
            operation=f"memory of the {process} after {last.count:,} healed exposures over that after "
            f"{took[-2].count:,}, {site.kind}",
            unit="MB",
            ours=[max(last.memory[process]) - max(took[-2].memory[process])],
            floor=[],
            floor_is="",
            target=FLAT,
        )
    yield from _curves(site.kind, took)


def _curves(kind: str, took: list["Taken"]) -> Iterator[Curve]:
    yield Curve(
        name=f"healing-{kind.lower()}",
        title=f"Healing into {kind}",
        x="exposures",
        y="s",
        lines={
            "exposure-bus": [(each.count, each.ours) for each in took],
            "the drivers, no broker": [(each.count, each.floor) for each in took],
        },
    )
    yield Curve(
        name=f"memory-{kind.lower()}",
        title=f"Most memory while healing, {kind}",
        x="exposures",
        y="MB",
        lines={name: [(each.count, each.memory[name]) for each in took] for name in ("relay", "follower")},
    )


@dataclass
class Taken:
    """What was measured with a history."""

    count: int
    ours: Measured = field(default_factory=list)
    floor: Measured = field(default_factory=list)
    memory: dict[str, Measured] = field(default_factory=lambda: {"relay": [], "follower": []})


def _of_size(site: "Site", count: int, repeats: int) -> Taken:
    taken = Taken(count)
    with site.history(count) as history:
        for _ in range(repeats):
            name = history.expect_follower()
            taken.floor.append(history.copy())
            history.heal(name, taken)
    return taken


class Site:
    """Where histories are healed, on one kind of database."""

    def __init__(self, folder: Path, servers: Servers, kind: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.broker_url = servers.virtual_host()
        self.kind = kind
        self._servers = servers
        self._numbers = itertools.count()

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        if self.kind == "PostgreSQL":
            return self._servers.database()
        return f"sqlite:///{self.folder}/{next(self._numbers)}.sqlite"

    @contextmanager
    def history(self, count: int) -> Iterator["History"]:
        """Write a history, and relay it for the length of the block."""
        host = Host(self.folder, self.broker_url, exposure_db_url=self.database())
        write_history(host.exposure_db_url, count)
        with host.relay() as relay:
            yield History(self, host.exposure_db_url, relay)


@dataclass(frozen=True)
class History:
    """A history that is published."""

    site: Site
    exposure_db_url: str
    relay: Daemon

    def expect_follower(self) -> str:
        """Make the queue of a new follower, where a heartbeat will await it, and return its name."""
        name = f"heals{time.monotonic_ns()}"
        declare(self.site.broker_url, "benchmark", declare_follower(name))
        return name

    def heal(self, name: str, taken: Taken) -> None:
        """Let a new follower heal, and keep the seconds from its question to the last commit."""
        host = Host(self.site.folder, self.site.broker_url, cache_url=self.site.database(), subscriber=name)
        with ExitStack() as stack:
            stack.callback(host.forget)
            follower = stack.enter_context(host.follower())
            began = follower.wait_for("asking for them")
            wait(lambda: host.has(taken.count), host.folder)
            taken.ours.append(time.monotonic() - began)
            taken.memory["relay"].append(self.relay.memory)
            taken.memory["follower"].append(follower.memory)

    def copy(self) -> float:
        """Copy by the drivers alone, and return the seconds."""
        url = self.site.database()
        with closing(open_cache(url)) as cache:
            cache.create()
        return seconds(lambda: copying.COPIES[self.site.kind](self.exposure_db_url, url))
