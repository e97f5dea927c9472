"""Looking at one place: what of it is wrong at a glance, and which files must be read to tell."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exposure_schemas import Exposure, Manifest, ManifestFile
from exposure_subscriber.verify.folder import Entries, Folder, what_else, why
from exposure_subscriber.verify.places import Place
from exposure_subscriber.verify.strangers import Strangers, files_there
from exposure_subscriber.verify.verdict import State, Verdict

_UNLISTED: Final = "nobody has listed its files"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRead:
    """A file that is there, regular and of the right size."""

    folder: Folder
    """Where it is."""
    file: ManifestFile
    """What it should be."""
    verdict: Verdict
    """What is said of it if it turns out to be that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Compares places with manifests, by names and sizes."""

    exposures: Mapping[int, Exposure]
    """What the cache knows, by expid."""
    classes: frozenset[str] | None
    """Of which file classes every file must be there; None for all that a manifest names."""

    def look(self, place: Place) -> Iterator[Verdict | ToRead]:
        """Compare what is in a place with the manifests of its exposures."""
        try:
            entries = place.folder.entries()
        except OSError as error:
            yield from self._closed(place, f"cannot read {place.folder.path}: {why(error)}")
            return
        there = files_there(place, entries)
        for expid in sorted(place.expids):
            yield from self._exposure(place, expid, entries, there[expid])
        strangers = Strangers(place=place, exposures=self.exposures)
        yield from strangers.extras(entries)
        yield from strangers.quarantined(entries)

    def absent(self, exposure: Exposure, where: str) -> Iterator[Verdict]:
        """Say of an exposure that nothing of it is there."""
        if exposure.files is None:
            yield Verdict.of(exposure, where, State.NO_MANIFEST, _UNLISTED)
        yield from self._each_due(exposure, where, State.MISSING, None)

    def out_of_reach(self, exposure: Exposure, where: str, reason: str) -> Iterator[Verdict]:
        """Say of an exposure that the folder of its files cannot be read."""
        yield from self._each_due(exposure, where, State.UNREADABLE, reason)

    def _closed(self, place: Place, reason: str) -> Iterator[Verdict]:
        known = [self.exposures[expid] for expid in sorted(place.expids & self.exposures.keys())]
        where = str(place.folder.path)
        verdicts = [verdict for each in known for verdict in self.out_of_reach(each, where, reason)]
        yield from verdicts or [_of_place(place, State.UNREADABLE, reason)]

    def _exposure(self, place: Place, expid: int, entries: Entries, there: int) -> Iterator[Verdict | ToRead]:
        exposure = self.exposures.get(expid)
        if exposure is None:
            yield _unknown(place, expid, there)
        elif exposure.files is None:
            detail = f"{_UNLISTED}; {_counted(there)}"
            yield Verdict.of(exposure, str(place.folder.path), State.NO_MANIFEST, detail)
        else:
            yield from self._files(exposure, exposure.files, place.folder, entries)

    def _files(
        self, exposure: Exposure, manifest: Manifest, folder: Folder, entries: Entries
    ) -> Iterator[Verdict | ToRead]:
        for file in manifest:
            state = entries.get(file.name)
            if state is not None:
                yield _file(exposure, folder, file, state)
            elif self._is_due(file):
                yield Verdict.of_file(exposure, str(folder.path), file, State.MISSING)

    def _each_due(self, exposure: Exposure, where: str, state: State, detail: str | None) -> Iterator[Verdict]:
        for file in exposure.files or ():
            if self._is_due(file):
                yield Verdict.of_file(exposure, where, file, state, detail)

    def _is_due(self, file: ManifestFile) -> bool:
        return self.classes is None or file.file_class in self.classes


def _file(exposure: Exposure, folder: Folder, file: ManifestFile, state: os.stat_result) -> Verdict | ToRead:
    good = Verdict.of_file(exposure, str(folder.path), file, State.VERIFIED if file.sha256 else State.SIZE_AGREES)
    other = what_else(state)
    if other is not None:
        return good.but(State.DIFFERS, f"is {other}")
    if state.st_size != file.size:
        return good.but(State.DIFFERS, f"has {state.st_size} bytes instead of {file.size}")
    return ToRead(folder=folder, file=file, verdict=good)


def _unknown(place: Place, expid: int, there: int) -> Verdict:
    detail = f"the cache has no exposure {expid}; {_counted(there)}"
    return Verdict(night=place.night, expid=expid, state=State.UNKNOWN, detail=detail, path=str(place.folder.path))


def _of_place(place: Place, state: State, detail: str) -> Verdict:
    return Verdict(night=place.night, expid=place.owner, state=state, detail=detail, path=str(place.folder.path))


def _counted(there: int) -> str:
    return f"{there} {'file is' if there == 1 else 'files are'} here"
