"""An exposure's files: found, checked where they are, or brought to a folder of one's own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from exposure_schemas import Exposure, ManifestFile
from exposure_subscriber.errors import Mismatch
from exposure_subscriber.fetch.copying import Copying
from exposure_subscriber.fetch.destination import flush_names, prepare, require_room
from exposure_subscriber.fetch.file_path import FetchedFile, FilePath
from exposure_subscriber.fetch.listing import Asked, files_of_folder, files_of_manifest
from exposure_subscriber.fetch.location import Location, resolve
from exposure_subscriber.fetch.progress import Progress
from exposure_subscriber.fetch.schemes import open_source
from exposure_subscriber.fetch.source import Source
from exposure_subscriber.fetch.standing import is_taken
from exposure_subscriber.fetch.threads import in_threads


def fetch_files(
    exposure: Exposure,
    *,
    dest: Path | None,
    file_class: str | Iterable[str],
    overwrite: bool,
    location_map: Mapping[str, str],
    progress: Callable[[int], None] | None = None,
    jobs: int = 2,
) -> FilePath:
    """Return where an exposure's files are, after checking or copying them.

    Without a destination nothing is read but names and sizes: the files are there, can be opened and have the size
    that the manifest says. With one, each file is read once, hashed as it is written, compared, flushed to disk, and
    only then named; when one fails, those before it stand, and the error names the one that failed.

    Args:
        exposure: The exposure, with or without a manifest.
        dest: Folder to copy to, made if it is not there; None copies nothing.
        file_class: One class, several, or ``"all"``: every file that has a class, and perhaps none.
        overwrite: Replace what stands at the destination and differs; what is the same is never copied again.
        location_map: Prefix to prefix: what ICS calls a folder, and what it is on this host.
        progress: Called with increments of bytes done, from several threads; with a negative one when a file is
            begun again. What it raises ends the fetch.
        jobs: How many files at a time.

    Returns:
        The folder and its files. A SHA-256 is that of the bytes at the destination; without one, the manifest's.

    Raises:
        UnknownFileClass: There is no such file class.
        FileClassMissing: The exposure has no file of a class asked for by name.
        LocationRefused: The location or a file leads where it must not, or its scheme is not read.
        SourceUnreachable: The location, or a file there, cannot be read.
        Mismatch: A file is not what the manifest says.
        FileDiffers: Another file stands at the destination, and overwrite is off.
        NoSpace: The destination has too little room.
        FetchError: The destination cannot be read or written, or the checksum file is damaged.
    """
    asked = Asked.of(file_class)
    files = None if exposure.files is None else files_of_manifest(exposure, asked)
    if files == ():  # an exposure without any file may well have no folder
        return FilePath(resolve(exposure.data_location, location_map).path if dest is None else prepare(dest), ())
    location = resolve(exposure.data_location, location_map)
    with open_source(location) as source:
        if files is None:
            files = files_of_folder(source, exposure, asked)
        if dest is None:
            return _look(source, location, files, Progress(progress))
        return _bring(source, files, prepare(dest), overwrite=overwrite, progress=Progress(progress), jobs=jobs)


def _look(source: Source, location: Location, files: tuple[ManifestFile, ...], progress: Progress) -> FilePath:
    folder = location.path
    return FilePath(folder, tuple(_checked(source, folder, file, progress) for file in files))


def _checked(source: Source, folder: Path, file: ManifestFile, progress: Progress) -> FetchedFile:
    with source.open(file.name) as opened:
        size = opened.state().size
    if size != file.size:
        raise Mismatch(f"{source.where}/{file.name} has {size} bytes instead of {file.size}")
    progress.advance(size)
    return FetchedFile.at(folder, file, file.sha256)


def _bring(
    source: Source, files: tuple[ManifestFile, ...], folder: Path, *, overwrite: bool, progress: Progress, jobs: int
) -> FilePath:
    copying = Copying(source=source, folder=folder, overwrite=overwrite, progress=progress)
    small_first = sorted(files, key=lambda file: file.size)
    taken = [file for file in small_first if is_taken(folder, file.name)]
    kept = [file for file in in_threads(copying.keep, taken, jobs=jobs, progress=progress) if file is not None]
    names = {file.name for file in kept}
    wanted = [file for file in small_first if file.name not in names]
    require_room(folder, sum(file.size for file in wanted))
    copied = in_threads(copying.copy, wanted, jobs=jobs, progress=progress)
    flush_names(folder)
    return FilePath(folder, tuple(sorted([*kept, *copied], key=lambda file: file.name)))
