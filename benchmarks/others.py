"""What ours is compared with: cp, rsync, sha256sum, and hashing alone."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from exposure_schemas import Exposure

BLOCK: Final = 256 * 1024


def cp(source: Path, dest: Path) -> None:
    """Copy a tree by ``cp -r``."""
    _run("cp", "-r", str(source), str(dest))


def cp_flushed(source: Path, dest: Path) -> None:
    """Copy a tree by ``cp -r`` and flush every file to disk, as ours does and rsync does not."""
    cp(source, dest)
    for path in files_of(dest):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def rsync(source: str, dest: Path) -> None:
    """Copy a tree by ``rsync -a``, unverified."""
    _run("rsync", "-a", source, str(dest))


def check_by_sha256sum(dest: Path, exposures: Sequence[Exposure]) -> None:
    """Check the copies of some exposures by ``sha256sum -c``."""
    for exposure in exposures:
        folder = dest / str(exposure.night) / f"{exposure.expid:08d}"
        _run("sha256sum", "--check", "--quiet", f"checksum-{exposure.expid:08d}.sha256sum", cwd=folder)


def hash_files(paths: Sequence[Path]) -> None:
    """Hash files by hashlib, two at a time, the largest first."""
    in_order = sorted(paths, key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_hash, in_order))


def files_of(raw: Path) -> list[Path]:
    """Return all files beneath a folder."""
    return [path for path in raw.rglob("*") if path.is_file()]


def rsync_then(check: Callable[[], None], source: Path, dest: Path) -> None:
    """Copy a tree by ``rsync -a``, then check the copies."""
    rsync(f"{source}/", dest)
    check()


def _hash(path: Path) -> str:
    digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdin=subprocess.DEVNULL)
