"""A destination on a small disk: a tmpfs of its own, in a name space that ends with the test's process."""

import shlex
import subprocess
from pathlib import Path

from tests.caching import Cached
from tests.processes import COMMAND, Processes
from tests.raw_exposures import SIZES, listed, trees_agree, write_exposure

MB = 2**20


def in_a_small_disk(script: str, processes: Processes) -> subprocess.CompletedProcess[str]:
    """Run a script with rights to mount, which it has for itself alone."""
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script],
        env=processes.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_disk_that_is_too_small_gets_no_byte_and_one_that_has_grown_gets_all(
    tmp_path: Path, processes: Processes
) -> None:
    location, disk, kept = write_exposure(tmp_path / "raw", 1), tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    with Cached(f"sqlite:///{tmp_path}/cache.sqlite") as cached:
        cached.expose(1, data_written=True, data_location=str(location), files=listed(location, 1))
        cached.beat()
        processes.settings(cache_url=cached.url)
        fetch = f"{shlex.quote(COMMAND)} files 1 --dest {disk} --class all"
        done = in_a_small_disk(
            f"mount -t tmpfs -o size={sum(SIZES.values()) + 8 * MB} none {disk}\n"
            f"{fetch} || echo failed with $?, left $(ls -A {disk} | wc -l)\n"
            f"mount -o remount,size={64 * MB} {disk}\n"
            f"{fetch} >/dev/null\n"
            f"cp -r {disk} {kept}",
            processes,
        )
    assert (done.returncode, done.stdout) == (0, "failed with 1, left 0\n"), done.stderr
    assert "bytes free" in done.stderr
    assert "make room" in done.stderr
    assert trees_agree(kept, location)


def test_a_disk_that_is_full_after_a_few_files_keeps_no_half_of_the_next(tmp_path: Path, processes: Processes) -> None:
    location, disk = write_exposure(tmp_path / "raw", 1), tmp_path / "disk"
    disk.mkdir()
    with Cached(f"sqlite:///{tmp_path}/cache.sqlite") as cached:
        cached.expose(1, data_written=True, data_location=str(location), files=None)
        cached.beat()
        processes.settings(cache_url=cached.url)
        # It says that it has bytes free, and has no inode for a fourth file.
        done = in_a_small_disk(
            f"mount -t tmpfs -o size={64 * MB},nr_inodes=4 none {disk}\n"
            f"{shlex.quote(COMMAND)} files 1 --dest {disk} --class all --jobs 1 || ls -A {disk} | grep -c part || true",
            processes,
        )
    assert done.stdout == "0\n", done.stderr
    assert "No space left on device" in done.stderr
