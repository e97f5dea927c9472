"""Fetching from a local path: one large exposure, and two hundred small ones."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import others
from benchmarks.measure import Result, by_turns, seconds
from benchmarks.servers import Servers
from benchmarks.trees import MB, ONE_LARGE, THREE_SMALL, remove, total, write_exposures
from exposure_schemas import Exposure
from exposure_subscriber.fetch import Fetching
from exposure_subscriber.fetch.layout import desi_folder


def run(work: Path, _servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    yield from _one_large(work / "large", quick=quick)
    yield from _many_small(work / "small", 40 if quick else 200)


def fetch(exposures: Sequence[Exposure], dest: Path) -> None:
    """Fetch some exposures, verified, as ``files --layout desi`` does."""
    fetching = Fetching.of("all")
    for exposure in exposures:
        fetching.fetch(exposure, desi_folder(dest, exposure))


def _one_large(work: Path, *, quick: bool) -> Iterator[Result]:
    sizes = {name: size // 10 if quick else size for name, size in ONE_LARGE.items()}
    raw = work / "raw"
    exposures = write_exposures(raw, [195972], sizes)
    fresh = folders(work)

    def sha256sum(dest: Path) -> None:
        others.rsync_then(lambda: others.check_by_sha256sum(dest, exposures), raw, dest)

    def hashlib(dest: Path) -> None:
        others.rsync_then(lambda: others.hash_files(others.files_of(dest)), raw, dest)

    # Before each that flushes comes one that does not: a virtual disk that was just written to is slower for a while.
    ours, checked, flushed, hashed, alone = by_turns(
        fresh(lambda dest: fetch(exposures, dest)),
        fresh(sha256sum),
        fresh(lambda dest: others.cp_flushed(raw, dest / "copy")),
        fresh(hashlib),
        lambda: seconds(lambda: others.hash_files(others.files_of(raw))),
        warm_up=False,
    )
    what = f"fetch one exposure of {total(exposures) // MB} MB, verified"

    def against(floor: list[float], floor_is: str, target: float, *, turned: bool = False) -> Result:
        return Result(operation=what, unit="s", ours=ours, floor=floor, floor_is=floor_is, target=target, turned=turned)

    yield against(checked, "rsync -a, sha256sum -c", 7, turned=True)
    yield against(hashed, "rsync -a, hashlib with 2 threads", 1, turned=True)
    yield against(flushed, "cp -r, flushed to disk, unverified", 1.25)
    yield against(alone, "hashing alone with 2 threads", 1.25)
    remove(work)


def _many_small(work: Path, count: int) -> Iterator[Result]:
    raw = work / "raw"
    exposures = write_exposures(raw, range(1, count + 1), THREE_SMALL)
    fresh = folders(work)
    ours, floor = by_turns(
        fresh(lambda dest: fetch(exposures, dest)),
        fresh(lambda dest: others.cp(raw / str(exposures[0].night), dest)),
    )
    yield Result(
        operation=f"fetch {count} exposures of 3 files of 0.3 MB, verified",
        unit="s",
        ours=ours,
        floor=floor,
        floor_is="cp -r",
        target=4,
    )
    remove(work)


def folders(work: Path) -> Callable[[Callable[[Path], object]], Callable[[], float]]:
    """Let a work begin each time with a folder that is not there, and take it away afterwards."""
    numbers = itertools.count()

    def fresh(copy: Callable[[Path], object]) -> Callable[[], float]:
        def timed() -> float:
            dest = work / f"dest-{next(numbers)}"
            dest.mkdir(parents=True)
            taken = seconds(lambda: copy(dest))
            remove(dest)
            return taken

        return timed

    return fresh
