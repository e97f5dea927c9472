"""What is to be verified: what is settled by names and sizes, and which files must be read."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from exposure_schemas import Exposure
from exposure_subscriber.errors import FetchError, LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.layout import desi_folder
from exposure_subscriber.fetch.location import FILE, is_beneath, resolve
from exposure_subscriber.verify.folder import Folder
from exposure_subscriber.verify.looking import Looking, ToRead
from exposure_subscriber.verify.places import Place, find_places
from exposure_subscriber.verify.verdict import Verdict

Known = Callable[[Collection[int]], Mapping[int, Exposure]]
"""From expids to what the cache knows of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is to do."""

    settled: tuple[Verdict, ...]
    """What needs no reading."""
    to_read: tuple[tuple[ToRead, ...], ...]
    """Files to read, the largest first; each with all that manifests say of it, as exposures of one tile share one."""
    exposures: int
    """How many exposures are meant."""

    @classmethod
    def of(cls, found: Iterable[Verdict | ToRead], exposures: int) -> Self:
        """Sort out what looking has found."""
        settled: list[Verdict] = []
        files: dict[tuple[Folder, str], list[ToRead]] = {}
        for each in found:
            if isinstance(each, Verdict):
                settled.append(each)
            else:
                files.setdefault((each.folder, each.file.name), []).append(each)
        to_read = sorted(map(tuple, files.values()), key=size_of, reverse=True)
        return cls(settled=tuple(settled), to_read=tuple(to_read), exposures=exposures)

    @property
    def size(self) -> int:
        """How many bytes are to be read."""
        return sum(map(size_of, self.to_read))


def size_of(sayings: Sequence[ToRead]) -> int:
    """Return how many bytes of a file are to be read; 0 if no manifest has its SHA-256."""
    return max((each.file.size for each in sayings if each.file.sha256), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night that is to be verified."""

    night: int
    """YYYYMMDD of the evening."""
    written: Mapping[int, Exposure]
    """Its exposures whose data is written, by expid."""

    def all_of(self, place: Place) -> bool:
        """Say whether everything in a place is meant: its folder is named for the night."""
        return place.night == self.night

    def meant(self, place: Place) -> frozenset[int]:
        """Return which exposures in a place are meant."""
        return place.expids if self.all_of(place) else place.expids & self.written.keys()


def plan_destination(root: Path, known: Known, classes: frozenset[str] | None) -> Plan:
    """Plan to verify whatever exposures there are files of in a destination.

    Args:
        root: The destination, absolute; or a NIGHT or EXPID folder of it.
        known: Looks exposures up.
        classes: Of which file classes every file must be there; None for all that a manifest names.
    """
    places = find_places(root)
    expids = frozenset().union(*(place.expids for place in places))
    looking = Looking(exposures=known(expids), classes=classes)
    return Plan.of((each for place in places for each in looking.look(place)), len(expids))


def plan_night(root: Path, known: Known, classes: frozenset[str] | None, night: Night) -> Plan:
    """Plan to verify a night in a destination: each of its written exposures should be there.

    Args:
        root: The destination, absolute; or its folder of the night.
        known: Looks exposures up.
        classes: As of `plan_destination`.
        night: The night.
    """
    places = [place for place in find_places(root) if night.all_of(place) or night.meant(place)]
    looking = Looking(exposures=known(frozenset().union(*(place.expids for place in places))), classes=classes)
    meant = frozenset().union(*(night.meant(place) for place in places))
    absent = [exposure for expid, exposure in night.written.items() if expid not in meant]
    unread = next((f"cannot read {place.folder.path}" for place in places if not place.expids), None)

    def found() -> Iterator[Verdict | ToRead]:
        for place in places:
            yield from (each for each in looking.look(place) if night.all_of(place) or _expid(each) in meant)
        for exposure in absent:
            where = _where_it_would_be(root, places, exposure)
            yield from looking.out_of_reach(exposure, where, unread) if unread else looking.absent(exposure, where)

    return Plan.of(found(), len(meant) + len(absent))


def plan_locations(
    exposures: Sequence[Exposure], location_map: Mapping[str, str], classes: frozenset[str] | None
) -> Plan:
    """Plan to verify exposures where the ICS has written them, as this host sees it.

    Args:
        exposures: The exposures, written.
        location_map: Prefix to prefix: what ICS calls a folder, and what it is on this host.
        classes: As of `plan_destination`.
    """
    looking = Looking(exposures={each.expid: each for each in exposures}, classes=classes)
    found: list[Verdict | ToRead] = []
    folders: dict[Folder, set[int]] = {}
    for exposure in exposures:
        if not exposure.files:  # without any file it may well have no folder
            found += looking.absent(exposure, exposure.data_location or "")
            continue
        try:
            folders.setdefault(_folder_of(exposure, location_map), set()).add(exposure.expid)
        except FetchError as error:
            found += looking.out_of_reach(exposure, exposure.data_location or "", str(error))
    for folder, expids in folders.items():
        found += looking.look(Place(folder=folder, expids=frozenset(expids), own=len(expids) == 1, night=None))
    return Plan.of(found, len(exposures))


def _expid(found: Verdict | ToRead) -> int | None:
    return found.expid if isinstance(found, Verdict) else found.verdict.expid


def _where_it_would_be(root: Path, places: Sequence[Place], exposure: Exposure) -> str:
    if places and not any(place.own for place in places):
        return str(root)
    above = root.parent if root.name == str(exposure.night) else root
    return str(desi_folder(above, exposure))


def _folder_of(exposure: Exposure, location_map: Mapping[str, str]) -> Folder:
    """Return where an exposure's files are on this host; raises `FetchError` if they are not."""
    location = resolve(exposure.data_location, location_map)
    if location.scheme != FILE:
        raise SourceUnreachable(f"{location.text} is on another host: verify the copy that you fetched")
    if location.root is not None and not is_beneath(location.text, location.root):
        raise LocationRefused(f"location {location.text!r} leads out of {location.root!r} by a symbolic link")
    return Folder(location.path)
