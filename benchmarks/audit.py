"""An audit of everything there is: whether each exposure costs the same, however many there are."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.caches import write_cache
from benchmarks.daemons import Host
from benchmarks.history import write_history
from benchmarks.measure import REPEATS, Curve, Measured, Result, seconds
from benchmarks.servers import Servers
from exposure_subscriber.audit import Audit, Publisher
from exposure_subscriber.cache import open_cache

UNCHANGED = 1.25


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes = (300, 3_000) if quick else (3_000, 30_000, 300_000)
    lines: dict[str, list[tuple[float, Measured]]] = {}
    for kind in ("SQLite", "PostgreSQL"):
        taken: list[tuple[float, Measured]] = []
        for size in sizes:
            url = "" if kind == "SQLite" else servers.database()
            host = Host(work / f"{kind.lower()}{size}", servers.virtual_host(), exposure_db_url=url)
            taken.append((size, _audited(host, size, REPEATS if size == sizes[0] else 1)))
        lines[kind] = taken
        each = {size: [took / size * 1e6 for took in measured] for size, measured in taken}
        yield Result(
            operation=f"audit of {sizes[-1]:,} exposures on {kind}, each of them",
            unit="µs",
            ours=each[sizes[-1]],
            floor=each[sizes[0]],
            floor_is=f"of {sizes[0]:,}",
            target=UNCHANGED,
        )
    yield Curve(name="audit", title="An audit of everything", x="exposures", y="s", lines=lines)


def _audited(host: Host, size: int, repeats: int) -> Measured:
    write_cache(host.cache_url, size, write_history(host.exposure_db_url, size))
    with ExitStack() as stack:
        stack.enter_context(host.both())
        host.wait_until_complete(size)
        cache = stack.enter_context(closing(open_cache(host.cache_url)))
        publisher = stack.enter_context(Publisher(host.broker_url, host.subscriber))
        audit = Audit(cache, publisher.ask)
        return [seconds(lambda: _prove(audit, size)) for _ in range(repeats)]


def _prove(audit: Audit, size: int) -> None:
    proof = audit.all_nights()
    if proof.findings or proof.exposures != size:
        raise AssertionError(f"{len(proof.findings)} of {proof.exposures} exposures do not agree")
