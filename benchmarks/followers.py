"""What a message costs the relay with one follower, ten and a hundred: the broker copies, not the relay."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.daemons import Daemon, Host
from benchmarks.live_rate import Changes
from benchmarks.measure import REPEATS, Curve, Measured, Result
from benchmarks.servers import Servers
from exposure_bus.broker.blocking import declare
from exposure_bus.broker.topology import declare_follower

UNCHANGED = 1.25


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    numbers, burst = ((1, 10), 500) if quick else ((1, 10, 100), 1_000)
    points: list[tuple[float, Measured]] = []
    host = Host(work / "site", servers.virtual_host())
    with Changes(host) as changes, host.both() as (relay, _follower):
        host.wait_until_complete()
        changes.go_through(burst)
        queues = 1
        for number in numbers:
            for queue in range(queues, number):
                declare(host.broker_url, "benchmark", declare_follower(f"follower{queue}"))
            queues = number
            repeats = REPEATS if number in (numbers[0], numbers[-1]) else 1  # the others are drawn, and have no target
            points.append((number, [_cost(changes, relay, burst) for _ in range(repeats)]))
    yield Result(
        operation=f"processor of the relay for a message with {numbers[-1]} followers",
        unit="µs",
        ours=points[-1][1],
        floor=points[0][1],
        floor_is="with one follower",
        target=UNCHANGED,
    )
    yield Curve(
        name="followers", title="Processor of the relay", x="followers", y="µs a message", lines={"relay": points}
    )


def _cost(changes: Changes, relay: Daemon, burst: int) -> float:
    before = relay.cpu
    changes.go_through(burst)
    return (relay.cpu - before) / burst * 1e6
