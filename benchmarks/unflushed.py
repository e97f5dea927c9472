"""What flushing to disk costs a fetch: the same fetch with every ``fsync`` left out, beside it and the floor.

``PYTHONPATH=demo python -m benchmarks.unflushed`` prints medians in seconds, of turns one after the other.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest.mock import patch

from benchmarks import others
from benchmarks.fetch_local import fetch, folders
from benchmarks.measure import by_turns
from benchmarks.trees import ONE_LARGE, THREE_SMALL, write_exposures
from exposure_subscriber.fetch import Fetching
from exposure_subscriber.fetch.layout import desi_folder
from private_servers.rsync_daemon import RsyncDaemon

Copy = Callable[[Path], object]


def main() -> None:
    """Measure two hundred small exposures from a local path, and a large one from an rsync daemon."""
    with tempfile.TemporaryDirectory() as folder:
        _small(Path(folder) / "small")
        _from_daemon(Path(folder) / "large")


def _small(work: Path) -> None:
    exposures = write_exposures(work / "raw", range(1, 201), THREE_SMALL)
    night = work / "raw" / str(exposures[0].night)
    _show(
        "200 exposures of small files", work, lambda dest: fetch(exposures, dest), lambda dest: others.cp(night, dest)
    )


def _from_daemon(work: Path) -> None:
    [exposure] = write_exposures(work / "raw", [195972], ONE_LARGE)
    with RsyncDaemon(work / "daemon", work / "raw") as daemon:
        fetching = Fetching.of("all", location_map={str(work / "raw"): daemon.url})
        _show(
            "one exposure of 709 MB from an rsync daemon",
            work,
            lambda dest: fetching.fetch(exposure, desi_folder(dest, exposure)),
            lambda dest: others.rsync(f"{daemon.url}/", dest),
        )


def _show(what: str, work: Path, ours: Copy, floor: Copy) -> None:
    def unflushed(dest: Path) -> None:
        with patch("os.fsync"):
            ours(dest)

    fresh = folders(work)
    flushed, left_out, bare = map(median, by_turns(fresh(ours), fresh(unflushed), fresh(floor)))
    print(f"{what}: {flushed:.2f}, unflushed {left_out:.2f}, the floor {bare:.2f}", flush=True)


if __name__ == "__main__":
    main()
