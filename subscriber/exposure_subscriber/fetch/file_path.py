"""What a fetch returns: a folder that can be handed to `open` and friends, and what is in it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from exposure_schemas import ManifestFile


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """One file of an exposure, as it stands on this host."""

    path: Path
    """Where it stands."""
    name: str
    """Its bare name."""
    file_class: str
    """Its class (spectro, fibermap, …)."""
    size: int
    """Size in bytes."""
    sha256: str | None
    """SHA-256 of the bytes that stand there, or what the manifest gives if nothing was copied; None if unknown."""
    verified: bool = False
    """Whether these bytes were hashed and compared with a SHA-256 of the manifest or the checksum file."""

    @classmethod
    def at(cls, folder: Path, file: ManifestFile) -> Self:
        """Return a file of a manifest, which has a class, as it stands in a folder that was only looked at."""
        file_class = file.file_class or ""
        return cls(path=folder / file.name, name=file.name, file_class=file_class, size=file.size, sha256=file.sha256)

    @classmethod
    def hashed(cls, folder: Path, file: ManifestFile, sha256: str | None) -> Self:
        """Return it as it stands at a destination, where its bytes have this SHA-256."""
        return replace(cls.at(folder, file), sha256=sha256, verified=file.sha256 is not None)


@dataclass(frozen=True)
class FilePath(os.PathLike[str]):
    """The folder with an exposure's files; use it wherever a path is taken."""

    path: Path
    """The folder."""
    files: tuple[FetchedFile, ...]
    """The files asked for, ascending by name; empty for an exposure without any."""

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)
