"""Whether a live exposure is under way for longer where more exposures are behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.live_site import Site, percentile
from benchmarks.measure import REPEATS, Curve, Measured, Result, by_turns
from benchmarks.servers import Servers

UNCHANGED = 1.25


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes, count, repeats = ((3_000, 30_000), 10, 2) if quick else ((3_000, 30_000, 300_000), 20, REPEATS)
    lines: dict[str, list[tuple[float, Measured]]] = {}
    for kind in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            sites = [stack.enter_context(_site(work, servers, kind, size)) for size in sizes]
            measured = _by_turns(sites, count, repeats)
        lines[f"commit on {kind}"] = list(zip(sizes, measured, strict=True))
        yield Result(
            operation=f"commit on {kind} to new_exposures with {sizes[-1]:,} exposures behind: p50",
            unit="ms",
            ours=measured[-1],
            floor=measured[0],
            floor_is=f"with {sizes[0]:,}",
            target=UNCHANGED,
        )
    yield Curve(
        name="live-growth", title="From commit to new_exposures: p50", x="exposures in the ledger", y="ms", lines=lines
    )


def _site(work: Path, servers: Servers, kind: str, size: int) -> Site:
    url = "" if kind == "SQLite" else servers.database()
    return Site(work / f"{kind.lower()}{size}", servers.virtual_host(), url, history=size)


def _by_turns(sites: list[Site], count: int, repeats: int) -> list[Measured]:
    """Return the medians with each history: the shortest and the longest by turns, those between once."""

    def turn(site: Site) -> Callable[[], float]:
        return lambda: percentile(site.go_through(count), 50)

    first, *between, last = map(turn, sites)
    shortest, longest = by_turns(first, last, repeats=repeats)
    return [shortest, *(by_turns(each, repeats=1)[0] for each in between), longest]
