"""Exposures with small files, and the shortest way to verify them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exposure_schemas import Exposure, ManifestFile, file_class_of
from exposure_subscriber.fetch.hashing import BLOCK
from exposure_subscriber.verify import Night, Plan, Verdict, carry_out, plan_destination, plan_night

NIGHT: Final = 20240105
EXPID: Final = 12345
USUAL: Final = frozenset({"spectro", "fibermap"})

Files = Mapping[str, bytes]


def files_of(expid: int = EXPID) -> dict[str, bytes]:
    """The files of a science exposure; the spectra are read in several blocks, with a thread beside."""
    return {
        f"desi-{expid:08d}.fits.fz": hashlib.shake_256(str(expid).encode()).digest(5 * BLOCK + 7),
        f"etc-{expid:08d}.json": b"{}\n",
        f"fibermap-{expid:08d}.fits": bytes(range(256)) * 5,
    }


def exposure(
    expid: int = EXPID,
    files: Files | None = None,
    *,
    hashed: bool = True,
    listed: bool = True,
    location: str | None = None,
    night: int = NIGHT,
) -> Exposure:
    """An exposure whose manifest lists some files, those of `files_of` unless others are given."""
    manifest = _manifest(files_of(expid) if files is None else files, expid, hashed=hashed)
    return Exposure(
        expid=expid,
        night=night,
        data_written=True,
        data_location=location,
        data_written_at=datetime(2024, 1, 6, 3, 0, tzinfo=UTC),
        sequence=1,
        files=manifest if listed else None,
    )


def _manifest(files: Files, expid: int, *, hashed: bool) -> tuple[ManifestFile, ...]:
    return tuple(
        ManifestFile(
            name=name,
            file_class=file_class_of(name, expid),
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest() if hashed else None,
        )
        for name, content in sorted(files.items())
    )


def write(folder: Path, files: Files | None = None) -> Path:
    """Write some files, those of `files_of` unless others are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files_of() if files is None else files).items():
        (folder / name).write_bytes(content)
    return folder


def desi(root: Path, expid: int = EXPID, night: int = NIGHT) -> Path:
    """Write the files of an exposure in DESI's layout; returns their folder."""
    return write(root / str(night) / f"{expid:08d}", files_of(expid))


def knowing(*exposures: Exposure) -> "Knowing":
    return Knowing(exposures)


class Knowing:
    """Stands for the cache: knows some exposures, and remembers which it was asked for."""

    def __init__(self, exposures: Iterable[Exposure]) -> None:
        self._exposures = {each.expid: each for each in exposures}
        self.asked: set[int] = set()

    def __call__(self, expids: Collection[int]) -> dict[int, Exposure]:
        self.asked |= set(expids)
        return {expid: self._exposures[expid] for expid in expids if expid in self._exposures}


def verify(root: Path, *exposures: Exposure, classes: frozenset[str] | None = USUAL) -> list[Verdict]:
    """Verify whatever is in a destination."""
    return done(plan_destination(root, knowing(*exposures), classes))


def verify_night(root: Path, *exposures: Exposure, classes: frozenset[str] | None = USUAL) -> list[Verdict]:
    """Verify the night in a destination; the cache knows all of the exposures, of whichever night."""
    written = {each.expid: each for each in exposures if each.night == NIGHT}
    return done(plan_night(root, knowing(*exposures), classes, Night(night=NIGHT, written=written)))


def done(plan: Plan) -> list[Verdict]:
    return carry_out(plan, jobs=2)


def states(verdicts: Iterable[Verdict]) -> list[tuple[str | None, str]]:
    """Names and states alone."""
    return [(verdict.name, verdict.state.value) for verdict in verdicts]


def wrong(verdicts: Iterable[Verdict]) -> list[tuple[str | None, str]]:
    """Names and states of what is not verified."""
    return [each for each in states(verdicts) if each[1] != "verified"]
