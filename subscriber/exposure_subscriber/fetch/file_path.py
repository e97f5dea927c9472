"""What a fetch returns: a folder that can be handed to `open` and friends, and what is in it."""

import os
from dataclasses import dataclass
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

    @classmethod
    def at(cls, folder: Path, file: ManifestFile, sha256: str | None) -> Self:
        """Return a file of a manifest, which has a class, as it stands in a folder."""
        file_class = file.file_class or ""
        return cls(path=folder / file.name, name=file.name, file_class=file_class, size=file.size, sha256=sha256)


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
