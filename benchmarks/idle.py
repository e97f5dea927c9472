"""What relay and follower cost while nothing happens."""

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.daemons import Host
from benchmarks.measure import Result
from private_servers import PostgreSQL, RabbitMQ

LONG = 30.0
"""Seconds that they are watched: six heartbeats."""


def run(work: Path, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    watched = LONG / 3 if quick else LONG
    with RabbitMQ(work / "rabbitmq") as broker, PostgreSQL(work / "postgresql") as server:
        urls = {
            "SQLite": ("", ""),
            "PostgreSQL": (server.create_database("exposures"), server.create_database("cache")),
        }
        for kind, (exposure_db_url, cache_url) in urls.items():
            host = Host(work / kind, broker.url, exposure_db_url=exposure_db_url, cache_url=cache_url, subscriber=kind)
            with host.relay() as relay, host.follower() as follower:
                host.wait_until_complete()
                before = {"relay": relay.cpu, "follower": follower.cpu}
                time.sleep(watched)
                after = {"relay": relay.cpu, "follower": follower.cpu}
            for name, used in after.items():
                yield Result(
                    operation=f"idle {name} on {kind}, part of a core",
                    unit="%",
                    ours=[100 * (used - before[name]) / watched],
                    floor=[],
                    floor_is="",
                    target=0.5,
                )
