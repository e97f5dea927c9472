"""Whether a live exposure is under way for longer where more exposures are behind it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.daemons import virtual_host
from benchmarks.live_site import Site, percentile
from benchmarks.measure import REPEATS, Curve, Measured, Result
from private_servers import PostgreSQL, RabbitMQ

UNCHANGED = 1.25


def run(work: Path, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes, count, repeats = ((3_000, 30_000), 10, 2) if quick else ((3_000, 30_000, 300_000), 20, REPEATS)
    lines: dict[str, list[tuple[float, Measured]]] = {}
    with RabbitMQ(work / "rabbitmq") as broker, PostgreSQL(work / "postgresql") as server:
        for kind in ("SQLite", "PostgreSQL"):
            with ExitStack() as stack:
                sites = []
                for size in sizes:
                    name = f"{kind.lower()}{size}"
                    url = "" if kind == "SQLite" else server.create_database(name)
                    site = Site(work / name, virtual_host(broker, name), url, history=size)
                    sites.append(stack.enter_context(site))
                took = [[percentile(site.go_through(count), 50) for site in sites] for _ in range(repeats + 1)][1:]
            lines[f"commit on {kind}"] = list(zip(sizes, map(list, zip(*took, strict=True)), strict=True))
            yield Result(
                operation=f"commit on {kind} to new_exposures with {sizes[-1]:,} exposures behind: p50",
                unit="ms",
                ours=lines[f"commit on {kind}"][-1][1],
                floor=lines[f"commit on {kind}"][0][1],
                floor_is=f"with {sizes[0]:,}",
                target=UNCHANGED,
            )
    yield Curve(
        name="live-growth", title="From commit to new_exposures: p50", x="exposures in the ledger", y="ms", lines=lines
    )
