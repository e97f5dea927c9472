"""How long live exposures are under way while another follower heals a whole history."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.daemons import Host
from benchmarks.live_site import Site, percentile
from benchmarks.measure import REPEATS, Measured, Result
from private_servers import RabbitMQ


def run(work: Path, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    history, count, repeats = (30_000, 20, 1) if quick else (300_000, 60, REPEATS)
    with RabbitMQ(work / "rabbitmq") as broker, Site(work / "live", broker.url, "", history=history) as site:
        alone: list[Measured] = []
        beside: list[Measured] = []
        site.go_through(count)
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
