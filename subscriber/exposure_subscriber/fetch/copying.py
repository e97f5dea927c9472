"""One file: copied, verified, and only then given its name."""

from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import FileDiffers, Mismatch
from exposure_subscriber.fetch.file_path import FetchedFile
from exposure_subscriber.fetch.filling import fill
from exposure_subscriber.fetch.hashing import Content, read_through
from exposure_subscriber.fetch.progress import Progress, Tally
from exposure_subscriber.fetch.quarantine import quarantine
from exposure_subscriber.fetch.source import Source, SourceFile
from exposure_subscriber.fetch.standing import is_same, is_taken
from exposure_subscriber.fetch.temporary import Temporary
from exposure_subscriber.fetch.threads import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copied:
    """What came of an attempt."""

    content: Content
    """What was written."""
    modified: int | None
    """Time of the source's last modification when it was opened, nanoseconds since 1970 (UTC)."""
    why_wrong: str | None
    """What is wrong with it; None if it is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """Copies files of one exposure from a source to a folder."""

    source: Source
    """Where they come from."""
    folder: Path
    """Where they go."""
    overwrite: bool
    """Replace what stands there and differs."""
    progress: Progress
    """Counts the bytes."""

    def keep(self, file: ManifestFile) -> FetchedFile | None:
        """Return the file if it is what stands under its name; None if that is to be replaced.

        Raises:
            FileDiffers: It is not, and nothing is to be overwritten.
            FetchError: What stands there cannot be read.
        """
        expected = file if file.sha256 or self.overwrite else self._with_hash(file)
        if is_same(self.folder, expected, self.progress):
            return self.progress.finished(FetchedFile.hashed(self.folder, file, expected.sha256))
        if not self.overwrite:
            raise FileDiffers(
                f"{self.folder / file.name} differs from the file in {self.source.where}, and overwriting is off: "
                "turn it on, or choose another destination"
            )
        return None

    def copy(self, file: ManifestFile, turn: Turn, *, resume: bool = True) -> FetchedFile:
        """Copy a file, verify it, flush it to disk, and give it its name.

        Args:
            file: The file.
            turn: Ended when the copy is right, and has only to be on disk.
            resume: Look for what an interrupted fetch has left of it.

        Raises:
            Mismatch: It is wrong, twice; the second copy is in quarantine.
            FetchError: It cannot be read or written; the children of this error say why.
        """
        with Temporary(self.folder, file, self.progress, resume=resume) as temporary:
            copied = self._attempt(file, temporary)
            if copied.why_wrong is None:
                turn.end()
                return self._put_in_place(file, copied, temporary)
        # It may have been replaced while it was read, or what an interrupted fetch left may have been damaged.
        with Temporary(self.folder, file, self.progress, resume=False) as temporary:
            copied = self._attempt(file, temporary)
            if copied.why_wrong is None:
                turn.end()
                return self._put_in_place(file, copied, temporary)
            raise self._mismatch(file, copied, temporary)

    def _attempt(self, file: ManifestFile, temporary: Temporary) -> _Copied:
        tally = Tally(self.progress)
        with self.source.open(file.name) as opened:
            content = fill(temporary, opened, tally, file.size)
            why_wrong = _why_wrong(file, content, opened)
        if why_wrong:
            tally.take_back()
        return _Copied(content=content, modified=opened.state.modified, why_wrong=why_wrong)

    def _put_in_place(self, file: ManifestFile, copied: _Copied, temporary: Temporary) -> FetchedFile:
        sha256 = copied.content.sha256
        temporary.flush(copied.modified)
        there = None
        if not self.overwrite and is_taken(self.folder, file.name):  # another process put it there meanwhile
            uncounted = replace(self, progress=Progress(None))
            there = uncounted.keep(with_fields(file, sha256=sha256))
        if there is None:
            temporary.take_place()
        return self.progress.finished(FetchedFile.hashed(self.folder, file, sha256))

    def _mismatch(self, file: ManifestFile, copied: _Copied, temporary: Temporary) -> Mismatch:
        why = copied.why_wrong or ""
        where = quarantine(temporary, self.folder, file, copied.content, source=self.source.where, why=why)
        return Mismatch(f"{self.source.where}/{file.name} {why}, read twice; {where}")

    def _with_hash(self, file: ManifestFile) -> ManifestFile:
        with self.source.open(file.name) as opened:
            found = read_through(opened.read_into, Tally(Progress(None)).add, file.size)
        return with_fields(file, sha256=found.sha256)


def _why_wrong(file: ManifestFile, content: Content, opened: SourceFile) -> str | None:
    if content.size > file.size:
        return f"is longer than the {file.size} bytes it should have"
    if content.size < file.size:
        return f"has {content.size} bytes instead of {file.size}"
    if file.sha256 is not None:
        return None if content.sha256 == file.sha256 else f"has SHA-256 {content.sha256} instead of {file.sha256}"
    return "changed while it was read" if opened.changed() else None
