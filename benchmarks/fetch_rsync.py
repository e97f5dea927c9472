"""Fetching from an rsync daemon on loopback, verified, beside plain rsync, which verifies nothing."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import others
from benchmarks.fetch_local import folders
from benchmarks.measure import Result, by_turns
from benchmarks.servers import Servers
from benchmarks.trees import MB, ONE_LARGE, total, write_exposures
from exposure_subscriber.fetch import Fetching
from exposure_subscriber.fetch.layout import desi_folder
from private_servers.rsync_daemon import RsyncDaemon


def run(work: Path, _servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    sizes = {name: size // 10 if quick else size for name, size in ONE_LARGE.items()}
    raw = work / "raw"
    [exposure] = write_exposures(raw, [195972], sizes)
    with RsyncDaemon(work / "daemon", raw) as daemon:
        fetching = Fetching.of("all", location_map={str(raw): daemon.url})
        fresh = folders(work)
        ours, floor = by_turns(
            fresh(lambda dest: fetching.fetch(exposure, desi_folder(dest, exposure))),
            fresh(lambda dest: others.rsync(f"{daemon.url}/", dest)),
        )
    yield Result(
        operation=f"fetch one exposure of {total([exposure]) // MB} MB from an rsync daemon, verified",
        unit="s",
        ours=ours,
        floor=floor,
        floor_is="rsync -a from it, unverified",
        target=1.6,
    )
