"""An exposure's files: found, checked where they are, or brought to a folder of one's own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from exposure_schemas import Exposure, Manifest, ManifestFile
from exposure_subscriber.errors import Mismatch
from exposure_subscriber.fetch.copying import Copying
from exposure_subscriber.fetch.destination import clear, prepare
from exposure_subscriber.fetch.file_path import FetchedFile, FilePath
from exposure_subscriber.fetch.leftovers import key_of
from exposure_subscriber.fetch.listing import Asked, files_of_folder, files_of_manifest
from exposure_subscriber.fetch.location import resolve
from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.schemes import open_source
from exposure_subscriber.fetch.source import Source
from exposure_subscriber.fetch.standing import is_taken
from exposure_subscriber.fetch.threads import Turn, in_threads, in_turns

BOTH_CORES: Final = 2
"""Files read at a time: four were slower than two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """How files are fetched, be it those of one exposure or of many."""

    asked: Asked
    """The file classes that are wanted."""
    overwrite: bool = True
    """Replace what stands at the destination and differs; what is the same is never copied again."""
    location_map: Mapping[str, str] = field(default_factory=dict)
    """Prefix to prefix: what ICS calls a folder, and what it is on this host."""
    jobs: int = BOTH_CORES
    """How many files are read at a time; as many again may be waiting for the disk."""

    @classmethod
    def of(cls, file_class: str | Iterable[str], *, if_there: bool = False, **how: Any) -> Self:
        """Say how, with file classes by their names.

        Args:
            file_class: One class, several, or ``"all"``: every file that has a class, and perhaps none.
            if_there: Be content with what an exposure has of them.
            how: The other fields.

        Raises:
            UnknownFileClass: There is no such file class.
        """
        return cls(asked=Asked.of(file_class, if_there=if_there), **how)

    def fetch(
        self,
        exposure: Exposure,
        dest: Path | None,
        progress: Callable[[int], None] | None = None,
        done: Callable[[FetchedFile], None] | None = None,
    ) -> FilePath:
        """Return where an exposure's files are, after checking or copying them.

        Without a destination nothing is read but names and sizes: the files are there, can be opened and have the
        size that the manifest says. With one, each file is read once, hashed as it is written, compared, flushed to
        disk, and only then named; when one fails, those before it stand, and the error names the one that failed.

        Args:
            exposure: The exposure, with or without a manifest.
            dest: Folder to copy to, made if it is not there; None copies nothing.
            progress: Called with increments of bytes done, from several threads; with a negative one when a file is
                begun again. What it raises ends the fetch.
            done: Called with each file that is done, from several threads.

        Returns:
            The folder and its files. A SHA-256 is that of the bytes at the destination; without one, the manifest's.

        Raises:
            FileClassMissing: The exposure has no file of a class asked for by name.
            LocationRefused: The location or a file leads where it must not, or only copying brings its files here.
            SourceUnreachable: The location, or a file there, cannot be read.
            Mismatch: A file is not what the manifest says.
            FileDiffers: Another file stands at the destination, and overwrite is off.
            NoSpace: The destination has too little room.
            FetchError: The destination cannot be read or written, or the checksum file is damaged.
        """
        files = None if exposure.files is None else files_of_manifest(exposure, self.asked)
        if dest is None:
            return self._look(exposure, files, Progress(progress, done))
        return self._bring(exposure, files, dest, Progress(progress, done))

    def _look(self, exposure: Exposure, files: Manifest | None, progress: Progress) -> FilePath:
        location = resolve(exposure.data_location, self.location_map)
        folder = location.path
        if files == ():  # an exposure without any file may well have no folder
            return FilePath(folder, ())
        with open_source(location) as source:
            wanted = files_of_folder(source, exposure, self.asked) if files is None else files
            return FilePath(folder, tuple(_checked(source, folder, file, progress) for file in wanted))

    def _bring(self, exposure: Exposure, files: Manifest | None, dest: Path, progress: Progress) -> FilePath:
        if files == ():  # likewise
            folder = prepare(dest).folder
            clear(folder, ())
            return FilePath(folder, ())
        with open_source(resolve(exposure.data_location, self.location_map)) as source:
            wanted = files_of_folder(source, exposure, self.asked) if files is None else files
            prepared = prepare(dest)
            copying = Copying(source=source, folder=prepared.folder, overwrite=self.overwrite, progress=progress)
            found = _copy_all(copying, wanted, self.jobs)
            prepared.flush_names()
            return found


def _checked(source: Source, folder: Path, file: ManifestFile, progress: Progress) -> FetchedFile:
    with source.open(file.name) as opened:
        size = opened.state.size
    if size != file.size:
        raise Mismatch(f"{source.where}/{file.name} has {size} bytes instead of {file.size}")
    progress.advance(size)
    return FetchedFile.at(folder, file)


def _copy_all(copying: Copying, files: Manifest, jobs: int) -> FilePath:
    small_first = sorted(files, key=lambda file: file.size)
    kept = _keep_all(copying, small_first, jobs)
    names = {file.name for file in kept}
    wanted = [file for file in small_first if file.name not in names]
    begun = clear(copying.folder, wanted)

    def copy(file: ManifestFile, turn: Turn) -> FetchedFile:
        return copying.copy(file, turn, resume=key_of(file) in begun)

    copied = in_turns(copy, wanted, jobs=jobs, progress=copying.progress)
    return FilePath(copying.folder, tuple(sorted([*kept, *copied], key=lambda file: file.name)))


def _keep_all(copying: Copying, files: Sequence[ManifestFile], jobs: int) -> list[FetchedFile]:
    taken = [file for file in files if is_taken(copying.folder, file.name)]
    if not taken:  # threads take a while to be made ready, even if none is needed
        return []
    return [file for file in in_threads(copying.keep, taken, jobs=jobs, progress=copying.progress) if file]
