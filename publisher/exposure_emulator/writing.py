"""Files onto the disk, as an instrument should: under another name first, flushed, then renamed.

A folder that holds ``checksum-EXPID.sha256sum`` holds the whole exposure. Files that are there already with the same
bytes are left alone, so that a night can be played again, or gone on with after it was stopped.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from exposure_emulator.errors import EmulatorError
from exposure_emulator.raw import RawFile


class Abandoned(Exception):
    """Writing was stopped half-way; what was being written is gone, whole files stay."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What lies in an exposure's folder now."""

    files: int
    """How many files, checksums included."""
    size: int
    """Their bytes."""
    changed: bool
    """False if all of it was there before."""


def write_exposure(folder: Path, expid: int, files: Iterable[RawFile], stopped: Callable[[], bool]) -> Written:
    """Write the files of an exposure, then their checksums, so that they outlive a power cut.

    Args:
        folder: Where to; made if it is missing, and left empty for an exposure without files.
        expid: Exposure number.
        files: The files.
        stopped: Asked between chunks whether to go on.

    Raises:
        EmulatorError: The disk is full, or refuses.
        Abandoned: ``stopped`` said so.
    """
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        settled = {file.name: _settle(folder / file.name, file.content, stopped) for file in files}
        if settled:
            lines = "".join(f"{one.sha256}  {name}\n" for name, one in settled.items()).encode()
            name = f"checksum-{expid:08d}.sha256sum"
            settled[name] = _settle(folder / name, lambda: [lines], stopped)
        for parent in (folder, folder.parent, folder.parent.parent) if new else (folder,):
            _flush_folder(parent)
    except OSError as error:
        raise EmulatorError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
    changed = new or any(one.changed for one in settled.values())
    return Written(files=len(settled), size=sum(one.size for one in settled.values()), changed=changed)


@dataclass(frozen=True, kw_only=True)
class _Settled:
    sha256: str
    size: int
    changed: bool


def _settle(path: Path, content: Callable[[], Iterable[bytes]], stopped: Callable[[], bool]) -> _Settled:
    """Make a file hold its content, unless it does."""
    there = _read_alike(path, content()) if path.is_file() else None
    return there or _write(path, content(), stopped)


def _read_alike(path: Path, chunks: Iterable[bytes]) -> _Settled | None:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in chunks:
            if file.read(len(chunk)) != chunk:
                return None
            digest.update(chunk)
            size += len(chunk)
        return None if file.read(1) else _Settled(sha256=digest.hexdigest(), size=size, changed=False)


def _write(path: Path, chunks: Iterable[bytes], stopped: Callable[[], bool]) -> _Settled:
    partial = path.with_name(f".{path.name}.part")
    digest, size = hashlib.sha256(), 0
    try:
        with partial.open("wb") as file:
            for chunk in chunks:
                if stopped():
                    raise Abandoned
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return _Settled(sha256=digest.hexdigest(), size=size, changed=True)


def _flush_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
