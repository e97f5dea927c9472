"""`play_night`: does to the exposureDB and the disk what ICS does in a night."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.raw import LEAST, Noise, raw_files
from exposure_emulator.timetable import Clock, Event, timetable
from exposure_emulator.writing import Abandoned, Written, write_exposure
from exposure_publisher import ExposureDB

_WRITERS: Final = 2
"""Exposures whose files are written at one time; a third waits."""


class Played(NamedTuple):
    """An exposure that was played to its end."""

    exposure: TakenExposure
    """The exposure."""
    written: Written | None
    """Its files; None if they never came."""
    before: bool
    """True if all of it was there already."""


@dataclass(frozen=True, kw_only=True)
class NightPlayed:
    """What came of playing a night."""

    exposures: int
    """How many exposures the night has."""
    played: int
    """How many of them are played: in the exposureDB to the last value, with their files on disk."""
    before: int
    """How many of these were there already."""


def play_night(
    exposures: Iterable[TakenExposure],
    db: ExposureDB,
    data_dir: Path,
    *,
    speed: float = 1.0,
    size: int = LEAST,
    seed: int = 0,
    report: Callable[[Played], None] = lambda _: None,
) -> NightPlayed:
    """Play a night: rows when the shutter opens and after the readout, then the files, then ``data_written``.

    What is in the exposureDB and on disk already, from an earlier time, is left as it is.

    Args:
        exposures: The exposures; no two of one number.
        db: Where the rows go.
        data_dir: Where the files go, in NIGHT/EXPID.
        speed: How much faster than the real night; ``math.inf`` for no waiting.
        size: Bytes of a science exposure's files, about.
        seed: The same seed gives the same bytes.
        report: Called after each exposure.

    Raises:
        EmulatorError: The files cannot be written.
        DatabaseError: The rows cannot be written.
    """
    return NightPlayer(exposures, db, data_dir, speed=speed, size=size, seed=seed, report=report).play()


class NightPlayer:
    """A night that can be stopped; the arguments are those of `play_night`."""

    def __init__(
        self,
        exposures: Iterable[TakenExposure],
        db: ExposureDB,
        data_dir: Path,
        *,
        speed: float = 1.0,
        size: int = LEAST,
        seed: int = 0,
        report: Callable[[Played], None] = lambda _: None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed!r}: it must be above 0")
        self._exposures = tuple(exposures)
        self._db = db
        self._data_dir = data_dir.absolute()
        self._speed, self._size, self._noise, self._report = speed, size, Noise(seed), report
        self._settled: SimpleQueue[tuple[TakenExposure, Future[Written]] | None] = SimpleQueue()
        self._there: frozenset[int] = frozenset()
        self._writing = self._played = self._before = 0
        self._stopped = False

    def stop(self) -> None:
        """Stop soon: what is on disk is still announced, what is being written is not. Fit for a signal handler."""
        self._stopped = True
        self._settled.put(None)

    def play(self) -> NightPlayed:
        """Play the night to its end, or until it is stopped."""
        self._there = self._already_played()
        events = timetable(self._exposures)
        begin = next((event.moment for event in events if event.exposure.expid not in self._there), None)
        clock = Clock(begin, self._speed)
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="emulated-readout") as pool:
            try:
                for event in events:
                    self._wait_for(event, clock)
                    if self._stopped:
                        break
                    self._happen(event, pool)
                while self._writing:
                    self._take(None)
            finally:
                self._stopped = True  # whatever went wrong, the writers need not go on
        return NightPlayed(exposures=len(self._exposures), played=self._played, before=self._before)

    def _already_played(self) -> frozenset[int]:
        """Return the exposures whose rows say all that could be said."""
        wanted = {exposure.expid: self._row_in_the_end(exposure) for exposure in self._exposures}
        return frozenset(
            row["expid"]
            for row in self._db.exposures()
            if row["expid"] in wanted and row.items() >= wanted[row["expid"]].items()
        )

    def _row_in_the_end(self, exposure: TakenExposure) -> dict[str, object]:
        location = str(self._folder(exposure)) if exposure.data_written else None
        return exposure.in_full() | {"data_location": location}

    def _wait_for(self, event: Event, clock: Clock) -> None:
        """Wait for an event's moment, and for a free writer if it needs one; announce meanwhile what is written."""
        while not self._stopped:
            busy = event.what == "end" and self._writing >= _WRITERS
            if not self._take(None if busy else clock.seconds_until(event.moment)):
                return

    def _take(self, timeout: float | None) -> bool:
        """Take one exposure whose files are settled; False if none came in time."""
        try:
            settled = self._settled.get(timeout=timeout)
        except Empty:
            return False
        if settled:
            self._writing -= 1
            self._announce(*settled)
        return True

    def _happen(self, event: Event, pool: ThreadPoolExecutor) -> None:
        exposure = event.exposure
        if event.what == "start":
            if exposure.expid not in self._there:
                self._db.record(**exposure.known_at_start())
            return
        if exposure.expid not in self._there:
            self._db.record(**exposure.known_at_end())
        if exposure.data_written:
            self._write(exposure, pool)
        else:
            self._count(exposure, None)

    def _write(self, exposure: TakenExposure, pool: ThreadPoolExecutor) -> None:
        files = raw_files(exposure, self._size, self._noise)
        self._writing += 1
        writing = pool.submit(write_exposure, self._folder(exposure), exposure.expid, files, lambda: self._stopped)
        writing.add_done_callback(partial(self._put, exposure))

    def _put(self, exposure: TakenExposure, writing: Future[Written]) -> None:
        self._settled.put((exposure, writing))

    def _announce(self, exposure: TakenExposure, writing: Future[Written]) -> None:
        try:
            written = writing.result()
        except Abandoned:
            return
        if written.changed or exposure.expid not in self._there:
            self._db.data_written(exposure.expid, data_location=str(self._folder(exposure)))
        self._count(exposure, written)

    def _count(self, exposure: TakenExposure, written: Written | None) -> None:
        before = exposure.expid in self._there and not (written and written.changed)
        self._played += 1
        self._before += before
        self._report(Played(exposure, written, before))

    def _folder(self, exposure: TakenExposure) -> Path:
        return self._data_dir / str(exposure.night) / f"{exposure.expid:08d}"
