"""How long live exposures are under way while another follower heals a whole history."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.daemons import Host
from benchmarks.live_site import Site, percentile
from benchmarks.measure import REPEATS, Measured, Result
from benchmarks.servers import Servers

WARM_UP: Final = 20
"""Changes that nobody measures."""


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    history, count, repeats = (30_000, 20, 1) if quick else (300_000, 60, REPEATS)
    with Site(work / "live", servers.virtual_host(), "", history=history) as site:
        alone: list[Measured] = []
        beside: list[Measured] = []
        site.go_through(WARM_UP)
        for _ in range(repeats):
            alone.append(site.go_through(count))
            beside.append(_while_healing(site, count))
    yield Result(
        operation=f"commit on SQLite to new_exposures while another follower heals {history:,} exposures: p99",
        unit="ms",
        ours=[percentile(each, 99) for each in beside],
        floor=[percentile(each, 99) for each in alone],
        floor_is="nobody heals",
        target=2,
    )


def _while_healing(site: Site, count: int) -> Measured:
    host = Host(site.host.folder, site.host.broker_url, subscriber=f"heals{time.monotonic_ns()}")
    with ExitStack() as stack:
        stack.callback(host.forget)
        stack.enter_context(host.follower()).wait_for("asking for them")
        return site.go_through(count)
