"""A night's folders as ICS leaves them, with checksum files, for servers that read them as another user."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.fetch.examples import NIGHT, sha256

from exposure_emulator.raw import RawFile
from exposure_emulator.writing import write_exposure
from exposure_schemas import Exposure, ManifestFile, file_class_of

LARGE = "desi-{expid:08d}.fits.fz"
PREFIXES = ("etc", "fibermap", "sky", "guide", "fvc", "focus", "coordinates", "pm", "centroids", "request")


@contextmanager
def readable_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as those of a test may not be."""
    folder = Path(tempfile.mkdtemp(prefix="exposures-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def night_files(expid: int, large: int) -> dict[str, bytes]:
    """Thirteen files by name, one of them large; its checksum file is one more."""
    seed = str(expid).encode()
    files = {LARGE.format(expid=expid): hashlib.shake_256(seed).digest(large)}
    for number, prefix in enumerate(PREFIXES):
        kind = "json" if prefix in ("etc", "centroids", "request") else "fits"
        files[f"{prefix}-{expid:08d}.{kind}"] = hashlib.shake_256(seed + prefix.encode()).digest(100 * number + 1)
    return files | {f"gfa-{expid:08d}.fits.fz": b"", f"guide-rois-{expid:08d}.fits.fz": seed}


def write_night(root: Path, expids: tuple[int, ...], *, large: int = 2**20 + 7) -> dict[int, Path]:
    """Write exposures as the emulator does, and return their folders."""
    folders = {}
    for expid in expids:
        folder = folders[expid] = root / str(NIGHT) / f"{expid:08d}"
        files = night_files(expid, large)
        write_exposure(folder, expid, [RawFile(name, _content(files[name])) for name in files], lambda: False)
    return folders


def _content(content: bytes) -> Callable[[], list[bytes]]:
    return lambda: [content]


def exposure_of(url: str, expid: int, files: Mapping[str, bytes] | None, *, hashed: bool = True) -> Exposure:
    """An exposure of the night, with a manifest of some files, or without one."""
    listed = (
        None
        if files is None
        else tuple(
            ManifestFile(
                name=name,
                file_class=file_class_of(name, expid) or "spectro",
                size=len(content),
                sha256=sha256(content) if hashed else None,
            )
            for name, content in sorted(files.items())
        )
    )
    return Exposure(
        expid=expid,
        night=NIGHT,
        data_written=True,
        data_location=url,
        data_written_at=datetime(2024, 1, 6, 3, 0, tzinfo=UTC),
        sequence=1,
        files=listed,
    )


def assert_checksums_agree(folder: Path, expid: int) -> None:
    """Let another program compare what stands in a folder with the checksum file that came with it."""
    told = subprocess.run(
        ["sha256sum", "--check", "--strict", f"checksum-{expid:08d}.sha256sum"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert len(told.stdout.splitlines()) == len(night_files(expid, 0))


def parts(folder: Path) -> list[Path]:
    """The temporary files in a folder."""
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def finished(folder: Path) -> set[str]:
    """The final names in a folder."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
