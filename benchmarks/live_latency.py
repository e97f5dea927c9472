"""From a commit in the exposureDB to `new_exposures`, twenty changes a second, beside pika to pika and nothing else."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.live_site import EVERY, Bare, Site, TheirTable, distribution, percentile
from benchmarks.measure import REPEATS, Curve, Measured, Result
from benchmarks.servers import Servers
from exposure_publisher import ExposureDB

POLL: Final = 1.0
"""Seconds between two looks of who polls."""

WARM_UP: Final = 20
"""Changes that nobody measures."""

FLOOR: Final = "pika to pika through a quorum queue"


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    count, repeats = (40, 2) if quick else (100, REPEATS)
    with ExitStack() as stack:
        bare = stack.enter_context(Bare(work / "bare", servers.virtual_host()))
        urls = {"SQLite": "", "PostgreSQL": servers.database()}
        sites = {
            kind: stack.enter_context(Site(work / kind, servers.virtual_host(), url)) for kind, url in urls.items()
        }
        theirs = stack.enter_context(
            Site(work / "theirs", servers.virtual_host(), servers.database(), table=TheirTable)
        )
        ways: dict[str, Bare | Site] = {FLOOR: bare, **sites, "PostgreSQL, their own table": theirs}
        took = _by_turns({kind: site.go_through for kind, site in ways.items()}, count, repeats)
        yield from _results(took)
        for kind, site in sites.items():
            yield from site.stages(kind)
        polled = [each for site in sites.values() for each in polling(site, count)]
        for kind in sites:
            yield Result(
                operation=f"commit on {kind} to new_exposures: half of them are quicker than",
                unit="ms",
                ours=[percentile(each, 50) for each in took[kind]],
                floor=[percentile(polled, 50)],
                floor_is="polling the exposureDB once a second",
                target=100,
                turned=True,
            )


def _by_turns(ways: dict[str, Callable[[int], Measured]], count: int, repeats: int) -> dict[str, list[Measured]]:
    took: dict[str, list[Measured]] = {name: [] for name in ways}
    for go_through in ways.values():
        go_through(WARM_UP)
    for name, go_through in [*ways.items()] * repeats:
        took[name].append(go_through(count))
    return took


def _results(took: dict[str, list[Measured]]) -> Iterator[Result | Curve]:
    for kind, measured in took.items():
        for part, target in ((50, 2.0), (99, 3.0)):
            if kind != FLOOR:
                yield Result(
                    operation=f"commit on {kind} to new_exposures, 20 a second: p{part}",
                    unit="ms",
                    ours=[percentile(each, part) for each in measured],
                    floor=[percentile(each, part) for each in took[FLOOR]],
                    floor_is=FLOOR,
                    target=target,
                )
    lines = {f"commit on {kind}" if kind != FLOOR else FLOOR: distribution(each) for kind, each in took.items()}
    yield Curve(
        name="live-latency",
        title="From commit to new_exposures, 20 a second",
        x="ms",
        y="part of all",
        lines=lines,
        logarithmic=False,
    )


def polling(site: Site, count: int) -> Measured:
    """Return how long after their commits exposures are seen by who looks once a second, in milliseconds."""
    committed = dict.fromkeys(site.record(count), 0)
    taken: Measured = []
    looked = time.monotonic()
    began = looked
    with ExposureDB(site.host.exposure_db_url) as database:
        for place, expid in enumerate(list(committed)):
            time.sleep(max(0.0, began + place * EVERY - time.monotonic()))
            committed[expid] = site.write(expid)
            if time.monotonic() - looked >= POLL:
                looked = time.monotonic()
                taken += _seen(database, committed)
    return taken


def _seen(database: ExposureDB, committed: dict[int, int]) -> Measured:
    """Look, and return how long ago what is new was committed; it is forgotten then."""
    written = {each["expid"] for each in database.exposures() if each["data_written"]}
    now = time.monotonic_ns()
    new = [expid for expid, moment in committed.items() if moment and expid in written]
    return [(now - committed.pop(expid)) / 1e6 for expid in new]
