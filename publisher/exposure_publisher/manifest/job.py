"""The listing of one exposure, in steps that several threads may take at once."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from exposure_publisher.errors import FileChanged
from exposure_publisher.manifest.folder import Folder, look_into
from exposure_publisher.manifest.hashing import Reader
from exposure_publisher.manifest.headers import is_fits, odd_headers
from exposure_publisher.manifest.listed import Listed
from exposure_publisher.manifest.stamp import Stamp
from exposure_schemas import ManifestFile, file_class_of

log = logging.getLogger(__name__)

SMALL: Final = 256 * 1024
"""Bytes up to which a file is hashed at once: another thread would take longer to begin."""

Step = Callable[[Reader], list[Any]]
"""Something to be done by any thread; returns further steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a listing ended."""

    listed: Listed | None
    """The files; None if this host cannot read the folder."""
    missing: tuple[str, ...] = ()
    """Files that the checksum file lists and that are not there: the exposure is not to be announced yet."""
    changing: tuple[str, ...] = ()
    """Files that changed while they were hashed: likewise."""

    @property
    def complete(self) -> bool:
        """Whether the exposure may be announced with these files."""
        return not self.missing and not self.changing


class Job:
    """Lists the files of an exposure.

    Args:
        row: The exposure's columns.
        location: Its folder.
        kept: What is known of its files from before.
        order: Jobs with a higher one are done first.
        checksums: Whether to compute those that the checksum file does not have.
        headers: Whether to compare FITS headers with the row.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        location: Path,
        kept: Listed | None,
        *,
        order: int = 0,
        checksums: bool = True,
        headers: bool = False,
    ) -> None:
        self.expid: int = row["expid"]
        """Exposure number."""
        self.location = location
        """Its folder."""
        self.order = order
        """Jobs with a higher one are done first."""
        self.steps_left = 1
        """Steps that are not done yet; the lister counts them."""
        self.hanging = 0
        """Threads that hang in one of its steps; what it has left is put aside meanwhile."""
        self.put_aside: list[Step] = []
        """Those steps."""
        self.begun = False
        """Whether a thread has begun with it."""
        self.forgotten = False
        """Whether nobody wants its result any more."""
        self._row = row
        self._computes = checksums
        self._checks_headers = headers
        self._known = kept.computed() if kept else {}
        self._folder: Folder | None = None
        self._computed: dict[str, str] = {}
        self._changing: list[str] = []
        self._odd: list[str] = []

    def look(self, reader: Reader) -> list[Step]:
        """Take the first step; return those that are left then, the longest first."""
        try:
            self._folder = look_into(self.location, self.expid, self._row["night"], reader.alive)
        except (OSError, ValueError) as error:
            log.warning("exposure %s: cannot list the files in %s: %s", self.expid, self.location, error)
            return []
        if self._folder.missing:
            return []
        self._recall(self._folder)
        for step in self._hashing(self._folder, small=True):
            step(reader)
        return [*self._hashing(self._folder, small=False), *self._checking(self._folder)]

    def fail(self) -> None:
        """Give up what is known: the exposure is announced without a manifest."""
        self._folder = None
        self._changing.clear()

    def result(self) -> Listing:
        """Return how it ended, once no step is left; what is odd is said in the log."""
        if self._folder is None:
            return Listing(listed=None)
        if self._folder.missing or self._changing:
            changing = tuple(sorted(self._changing))
            return Listing(listed=self._listed(self._folder), missing=self._folder.missing, changing=changing)
        for name in self._folder.passed_over:
            log.warning(
                "exposure %s: its checksum file lists %r, which is no file of %s", self.expid, name, self.location
            )
        for odd in sorted(self._odd):
            log.warning("exposure %s: %s", self.expid, odd)
        return Listing(listed=self._listed(self._folder))

    def _recall(self, folder: Folder) -> None:
        """Take over what an earlier listing has computed of files that are still the same."""
        for each in folder.stamps.items():
            if self._computes and each in self._known:
                self._computed[each[0]] = self._known[each]

    def _hashing(self, folder: Folder, *, small: bool) -> list[Step]:
        """Return the steps that compute what neither the checksum file nor an earlier listing has."""
        unknown = [
            (stamp.size, name)
            for name, stamp in folder.stamps.items()
            if self._computes and name not in folder.checksums and name not in self._computed
        ]
        return [
            partial(self._hash, name, folder.stamps[name])
            for size, name in sorted(unknown, reverse=True)
            if (size <= SMALL) is small
        ]

    def _hash(self, name: str, stamp: Stamp, reader: Reader) -> list[Step]:
        try:
            self._computed[name] = reader.sha256(self.location / name, stamp)
        except FileChanged:
            self._changing.append(name)
        except OSError as error:
            self._odd.append(f"{name} is announced without a checksum: {error}")
        return []

    def _checking(self, folder: Folder) -> list[Step]:
        return [partial(self._check, name) for name in folder.stamps if self._checks_headers and is_fits(name)]

    def _check(self, name: str, reader: Reader) -> list[Step]:
        if reader.alive():
            self._odd += [f"{name}: {odd}" for odd in odd_headers(self.location / name, self._row)]
        return []

    def _listed(self, folder: Folder) -> Listed:
        files = tuple(file for name in sorted(folder.stamps) if (file := self._file(folder, name)))
        return Listed(files, {name: folder.stamps[name] for name in self._computed if name not in folder.checksums})

    def _file(self, folder: Folder, name: str) -> ManifestFile | None:
        values = {
            "name": name,
            "file_class": file_class_of(name, self.expid),
            "size": folder.stamps[name].size,
            "sha256": folder.checksums.get(name) or self._computed.get(name),
        }
        try:
            return msgspec.convert(values, ManifestFile)
        except msgspec.ValidationError as error:
            log.warning("exposure %s: a file named %r cannot be listed: %s", self.expid, name, error)
            return None
