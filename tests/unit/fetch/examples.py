"""An exposure with real files, made small, and the shortest way to fetch it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from exposure_schemas import Exposure, ManifestFile, file_class_of
from exposure_subscriber.fetch import Fetching, FilePath
from exposure_subscriber.fetch.hashing import BLOCK

EXPID: Final = 12345
NIGHT: Final = 20240105

SPECTRO: Final = "desi-00012345.fits.fz"
FIBERMAP: Final = "fibermap-00012345.fits"
ETC: Final = "etc-00012345.json"
CHECKSUM: Final = "checksum-00012345.sha256sum"

FILES: Final[Mapping[str, bytes]] = {
    ETC: b"{}\n",
    FIBERMAP: bytes(range(256)) * 5,
    SPECTRO: hashlib.shake_256(b"spectra").digest(5 * BLOCK + 7),
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest_of(files: Mapping[str, bytes], *, hashed: bool = True) -> tuple[ManifestFile, ...]:
    return tuple(
        ManifestFile(
            name=name,
            file_class=file_class_of(name, EXPID) or "spectro",
            size=len(content),
            sha256=sha256(content) if hashed else None,
        )
        for name, content in sorted(files.items())
    )


def write(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def exposure_at(location: Path | str | None, files: tuple[ManifestFile, ...] | None) -> Exposure:
    return Exposure(
        expid=EXPID,
        night=NIGHT,
        data_written=True,
        data_location=None if location is None else str(location),
        data_written_at=datetime(2024, 1, 6, 3, 0, tzinfo=UTC),
        sequence=1,
        files=files,
    )


def written(folder: Path, files: Mapping[str, bytes] = FILES, *, hashed: bool = True) -> Exposure:
    """An exposure whose files are on disk and in its manifest."""
    return exposure_at(write(folder, files), manifest_of(files, hashed=hashed))


def fetch(
    exposure: Exposure,
    dest: Path | None,
    *,
    file_class: str | Iterable[str] = "all",
    progress: Callable[[int], None] | None = None,
    **how: Any,
) -> FilePath:
    return Fetching.of(file_class, **how).fetch(exposure, dest, progress)


def contents(folder: Path) -> dict[str, bytes]:
    """What stands in a folder under final names; an unexpected leftover shows as a name too."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".quarantine"}
