"""What is in a place beside the files that a manifest names: extra ones, and bad copies in quarantine."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exposure_schemas import Exposure, file_class_of
from exposure_subscriber.fetch.quarantine import FOLDER as QUARANTINE
from exposure_subscriber.verify.folder import Entries, is_folder, what_else, why
from exposure_subscriber.verify.names import expid_of_file, has_class
from exposure_subscriber.verify.places import Place
from exposure_subscriber.verify.verdict import State, Verdict

_NOT_NAMED: Final = "no manifest names it"


def files_there(place: Place, entries: Entries) -> Counter[int | None]:
    """Return how many files there are of each exposure, by their names."""
    names = [name for name, state in entries.items() if not is_folder(state)]
    if place.own:
        return Counter({place.owner: sum(not _is_being_written(name) for name in names)})
    return Counter(map(expid_of_file, names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """Finds them in one place."""

    place: Place
    """The place."""
    exposures: Mapping[int, Exposure]
    """What the cache knows, by expid."""

    def extras(self, entries: Entries) -> Iterator[Verdict]:
        """Say what no manifest names.

        In the folder of one exposure that is any file. Where others may keep files too, it is what has the name of a
        file class. Of an exposure whose manifest is not known, nothing is extra.
        """
        known = [self.exposures[expid] for expid in self.place.expids & self.exposures.keys()]
        listed = {exposure.expid for exposure in known if exposure.files is not None}
        named = {file.name for exposure in known for file in exposure.files or ()}
        for name, state in entries.items():
            expid = self._expid(name)
            if name in named or is_folder(state) or not (expid is None or expid in listed):
                continue
            if self._is_of_exposures(name):
                other = what_else(state)
                yield self._verdict(name, State.EXTRA, f"{other}, and {_NOT_NAMED}" if other else _NOT_NAMED)

    def quarantined(self, entries: Entries) -> Iterator[Verdict]:
        """Say what is in quarantine."""
        there = entries.get(QUARANTINE)
        if there is None or not is_folder(there):
            return
        try:
            names = self.place.folder.child(QUARANTINE).entries()
        except OSError as error:
            yield self._verdict(QUARANTINE, State.UNREADABLE, f"cannot be read: {why(error)}")
            return
        for name in names:
            yield self._verdict(name, State.QUARANTINED, f"a bad copy: see {QUARANTINE}/{name}/report.json")

    def _expid(self, name: str) -> int | None:
        return self.place.owner if self.place.own else expid_of_file(name)

    def _is_of_exposures(self, name: str) -> bool:
        return not _is_being_written(name) if self.place.own else has_class(name)

    def _verdict(self, name: str, state: State, detail: str) -> Verdict:
        expid = self._expid(name)
        exposure = None if expid is None else self.exposures.get(expid)
        below = f"{QUARANTINE}/{name}/copy" if state is State.QUARANTINED else name
        return Verdict(
            night=exposure.night if exposure else self.place.night,
            expid=expid,
            name=name,
            file_class=file_class_of(name, expid or 0),
            state=state,
            detail=detail,
            path=f"{self.place.folder.path}/{below}",
        )


def _is_being_written(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
