"""What the daemons cost while nothing happens."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.daemons import COMMAND, Daemon, Host
from benchmarks.measure import Result
from benchmarks.servers import Servers

LONG = 30.0
"""Seconds that they are watched: six heartbeats."""


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    watched = LONG / 3 if quick else LONG
    with ExitStack() as stack:
        daemons = _on_sqlite(stack, Host(work / "on-sqlite", servers.virtual_host()))
        urls = {f"{part}_url": servers.database() for part in ("exposure_db", "cache")}
        daemons |= _on_postgresql(stack, Host(work / "on-postgresql", servers.virtual_host(), **urls))
        before = {name: daemon.cpu for name, daemon in daemons.items()}
        time.sleep(watched)
        used = {name: 100 * (daemon.cpu - before[name]) / watched for name, daemon in daemons.items()}
    for name, part in used.items():
        yield Result(operation=f"idle {name}, part of a core", unit="%", ours=[part], floor=[], floor_is="", target=0.5)


def _on_sqlite(stack: ExitStack, host: Host) -> dict[str, Daemon]:
    relay, follower = stack.enter_context(host.both())
    host.wait_until_complete()
    fetching = stack.enter_context(host.process(COMMAND, "files", "--new", "--dest", str(host.folder / "new")))
    fetching.wait_for("fetching new exposures")
    tap = stack.enter_context(host.process(COMMAND, "tap", "--heartbeats"))
    tap.wait_for("heartbeat")
    return {"relay on SQLite": relay, "follower on SQLite": follower, "files --new": fetching, "tap": tap}


def _on_postgresql(stack: ExitStack, host: Host) -> dict[str, Daemon]:
    relay, follower = stack.enter_context(host.both())
    return {"relay on PostgreSQL": relay, "follower on PostgreSQL": follower}
