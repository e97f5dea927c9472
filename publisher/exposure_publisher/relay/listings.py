"""Written exposures on their way to a number: their files are being listed, are listed, or are waited for."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from exposure_publisher.ledger import Unnumbered
from exposure_publisher.manifest import Job, Listed, Lister, Listing, location_of

log = logging.getLogger(__name__)

MOST: Final = 1000
"""Exposures that are being listed or are ready; more wait in the ledger."""

ENOUGH: Final = 800
"""Exposures above which older ones wait, and only those that changed last are looked for."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds after which files that are waited for are looked for again; each pause is twice the one before."""

FRESH: Final = 0.1
"""Seconds within which a row is numbered as it was seen: whatever changes it wakes the relay."""

Ready = tuple[Unnumbered, Listed | None]
"""An exposure that can be numbered, and its files."""


@dataclass(slots=True)
class _Held:
    """An exposure that is not announced yet."""

    listing: Listing
    tries: int = 0


class Listings:
    """Which exposures are at which stage; everything here happens in the relay's loop.

    Args:
        lister: Lists files.
        later: Calls something after some seconds.
        wake: Has the ledger looked at again soon.
        checksums: Whether to compute checksums that no checksum file has.
        headers: Whether to compare FITS headers with the exposureDB.
    """

    def __init__(
        self,
        lister: Lister,
        *,
        later: Callable[[float, Callable[[], None]], Any],
        wake: Callable[[], None],
        checksums: bool = True,
        headers: bool = False,
    ) -> None:
        self._lister = lister
        self._later = later
        self._wake = wake
        self._job = partial(Job, checksums=checksums, headers=headers)
        self._listing: dict[int, tuple[Unnumbered, Job]] = {}
        self._ready: dict[int, tuple[Unnumbered, Listing]] = {}
        self._held: dict[int, _Held] = {}
        self._left_out: dict[int, int] = {}
        self._seen: dict[int, float] = {}

    @property
    def left_out(self) -> Mapping[int, int]:
        """Exposures that the ledger need not show again, each with the last change of it that is known."""
        return MappingProxyType(self._left_out)

    @property
    def held(self) -> list[int]:
        """Exposures whose files are waited for."""
        return sorted(self._held)

    @property
    def idle(self) -> bool:
        """Whether nothing is being listed, and nothing is ready."""
        return not self._listing and not self._ready

    @property
    def enough(self) -> bool:
        """Whether older exposures are to wait."""
        return len(self._listing) + len(self._ready) > ENOUGH

    @property
    def fresh(self) -> bool:
        """Whether something is ready, and the rows of all that is have just been read."""
        return self.any_ready and all(monotonic() - self._seen[expid] < FRESH for expid in self._ready)

    @property
    def any_ready(self) -> bool:
        """Whether an exposure can be numbered now that its files are listed."""
        return bool(self._ready)

    def sort(self, changes: Iterable[Unnumbered]) -> tuple[list[Ready], bool]:
        """Begin to list the files of the exposures that need it.

        Returns:
            Those that can be numbered now, and whether any listing has begun.
        """
        now: list[Ready] = []
        begun = False
        for change in changes:
            if not _to_be_listed(change):
                self._drop(change.expid)
                now.append((change, change.listed if change.files_listed else None))
            elif change.expid in self._ready and _same_files(self._ready[change.expid][0], change):
                now.append((change, self._hand_out(change)))
            elif self._take(change):
                begun = True
        return now, begun

    def take_ready(self, most: int, present: Callable[[list[Unnumbered]], list[Unnumbered]]) -> list[Ready]:
        """Hand out exposures that are ready, in their present state.

        Args:
            most: The most of them.
            present: Returns the same changes with their present rows; not asked for rows that are `fresh`.

        Returns:
            Them; those whose files are other ones by now, or whose row is gone, are left to the ledger, which shows
            their newest change.
        """
        before = [change for change, _ in list(self._ready.values())[:most]]
        now = before if self.fresh or not before else present(before)
        handed_out: list[Ready] = []
        for known, change in zip(before, now, strict=True):
            if _same_files(known, change):
                handed_out.append((change, self._hand_out(change)))
            else:
                self._drop(change.expid)
        return handed_out

    def done(self, job: Job, listing: Listing) -> None:
        """Note the end of a listing."""
        change, current = self._listing.get(job.expid, (None, None))
        if change is None or current is not job:
            return  # it was forgotten in the moment in which it ended
        del self._listing[job.expid]
        if listing.complete:
            self._ready[job.expid] = change, listing
            self._left_out.pop(job.expid, None)  # a page of the ledger tells its present state for nothing
            self._wake()
        else:
            self._hold(job, listing)

    def forget(self) -> None:
        """Forget everything: the exposureDB is away, and may be another one when it is back."""
        for _, job in self._listing.values():
            job.forgotten = True
        for stage in (self._listing, self._ready, self._held, self._left_out, self._seen):
            stage.clear()

    def _take(self, change: Unnumbered) -> bool:
        """List an exposure's files, unless that is being done; False if there is no room for it."""
        known = self._listing.get(change.expid)
        if known and _same_files(known[0], change):
            self._listing[change.expid] = change, known[1]
        elif self._has_room(change):
            self._submit(change)
        else:
            return False
        self._left_out[change.expid] = change.last_change
        self._seen[change.expid] = monotonic()
        return True

    def _submit(self, change: Unnumbered) -> None:
        held = self._held.get(change.expid)
        kept = held.listing.listed if held and held.listing.listed else change.listed
        self._drop(change.expid)
        if held:
            self._held[change.expid] = held
        assert change.row is not None  # noqa: S101 (for the type checker)
        location = location_of(change.row)
        assert location is not None  # noqa: S101 (likewise)
        job = self._job(change.row, location, kept, order=change.last_change)
        self._listing[change.expid] = change, job
        self._lister.submit(job)

    def _has_room(self, change: Unnumbered) -> bool:
        """Return whether a change may be taken: the newest go first, so an older one that has not begun gives way."""
        if change.expid in self._listing or len(self._listing) + len(self._ready) < MOST:
            return True
        waiting = [known for known, job in self._listing.values() if not job.begun]
        oldest = min(waiting, key=lambda known: known.last_change, default=change)
        if oldest.last_change < change.last_change:
            self._drop(oldest.expid)
            return True
        return False

    def _drop(self, expid: int) -> None:
        """Forget an exposure: it is numbered, or listed anew."""
        if expid in self._listing:
            self._listing.pop(expid)[1].forgotten = True
        self._ready.pop(expid, None)
        self._held.pop(expid, None)
        self._left_out.pop(expid, None)
        self._seen.pop(expid, None)

    def _hold(self, job: Job, listing: Listing) -> None:
        held = self._held.get(job.expid)
        if held is None or (held.listing.missing, held.listing.changing) != (listing.missing, listing.changing):
            _say_why(job, listing)
        self._held[job.expid] = _Held(listing, (held.tries if held else 0) + 1)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(held.tries if held else 0, 10))
        self._later(pause, partial(self._look_again, job.expid, self._held[job.expid]))

    def _look_again(self, expid: int, held: _Held) -> None:
        if self._held.get(expid) is held and expid not in self._listing:
            self._left_out.pop(expid, None)
            self._wake()

    def _hand_out(self, change: Unnumbered) -> Listed | None:
        _, listing = self._ready[change.expid]
        if change.row is not None and change.expid in self._held:
            log.info("exposure %s: its files are all in %s now", change.expid, change.row["data_location"])
        self._drop(change.expid)
        return listing.listed


def _to_be_listed(change: Unnumbered) -> bool:
    return change.row is not None and not change.files_listed and location_of(change.row) is not None


def _same_files(one: Unnumbered, other: Unnumbered) -> bool:
    """Return whether what was listed for one change holds for another of the same exposure."""
    keys = ("data_written", "data_location", "data_written_at")
    return bool(one.row and other.row) and all((one.row or {})[key] == (other.row or {})[key] for key in keys)


def _say_why(job: Job, listing: Listing) -> None:
    if listing.missing:
        log.warning(
            "exposure %s: its checksum file lists %s, not in %s; it is announced as soon as they are all there",
            job.expid,
            _some(listing.missing),
            job.location,
        )
    else:
        log.warning(
            "exposure %s: %s changed while hashed in %s; it is announced as soon as nobody writes there",
            job.expid,
            _some(listing.changing),
            job.location,
        )


def _some(names: tuple[str, ...]) -> str:
    """Return the first few names."""
    few, more = names[:3], len(names) - 3
    return ", ".join(map(repr, few)) + (f" and {more} more" if more > 0 else "")
