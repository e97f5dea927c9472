"""A made-up night that goes as DESI's nights go: calibrations, science from dusk to dawn, zeros in the morning."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from exposure_emulator.errors import NoSuchNight
from exposure_emulator.exposure import MARKER_TYPE, TakenExposure
from exposure_emulator.timetable import READOUT
from exposure_publisher.tables.times import night_of

_FIRST_EXPID: Final = 333_000
"""DESI's exposure number at the beginning of 2026."""

_A_DAY: Final = 160
"""Exposure numbers that DESI uses a day, on a busy one; a made-up night never needs more."""

_FIRST_NIGHT: Final = 2021_01_01
"""Nights before would have no exposure numbers left."""

_AFTERNOON: Final = timedelta(hours=19, minutes=24)
_DUSK: Final = timedelta(hours=26, minutes=45)
_DAWN: Final = timedelta(hours=36, minutes=20)
"""Beginnings of calibrations and science, and the end of science, from 00:00 UTC of the night's date."""

_MEASURED: Final = 0.87
"""Share of real science exposures for which the guiders measured seeing, transparency and sky."""

_PROGRAMS: Final = (("dark", 0.75), ("bright", 0.9), ("backup", 1.0))
"""Programs, and up to which throw of the dice."""


class _Sequence(NamedTuple):
    """Exposures of one kind that follow each other."""

    exposures: int
    exptype: str
    program: str
    exptime: float


_CALIBRATIONS: Final = (
    _Sequence(25, "zero", "calib zeros for nightly bias", 0.0),
    _Sequence(1, "dark", "calib dark 5min", 300.0),
    _Sequence(5, "arc", "calib short arcs all", 5.0),
    _Sequence(5, "arc", "calib long arcs cd+xe", 30.0),
    _Sequence(1, MARKER_TYPE, "calib arcs done", 0.0),
    *(_Sequence(3, "flat", f"calib desi-calib-0{lamps} leds only", 120.0) for lamps in range(4)),
    _Sequence(1, "flat", "led03 flat for cte check", 1.0),
    _Sequence(1, MARKER_TYPE, "calib flats done", 0.0),
)
_MORNING: Final = (
    _Sequence(10, "zero", "zeros for morning darks", 0.0),
    _Sequence(2, "dark", "morning darks", 1200.0),
)


def synthetic_night(night: int | None = None, *, seed: int = 0) -> list[TakenExposure]:
    """Return the exposures of a made-up night, about 85, with the gaps in their numbers that real ones have.

    Args:
        night: YYYYMMDD; default: the present one. Two nights share no exposure number.
        seed: The same seed makes up the same night.

    Raises:
        NoSuchNight: The night is no date, or before 2021.
    """
    number = night_of(datetime.now(UTC)) if night is None else night
    return list(_Dice(number, seed).night())


class _Dice:
    """Throws a night."""

    def __init__(self, night: int, seed: int) -> None:
        self._night = night
        self._random = Random(f"{seed}-{night}")  # noqa: S311 (a made-up night is no secret)
        self._midnight = _midnight(night)
        days = (self._midnight - datetime(2026, 1, 1, tzinfo=UTC)).days
        self._expid = _FIRST_EXPID + days * _A_DAY
        self._now = self._midnight + _AFTERNOON

    def night(self) -> Iterator[TakenExposure]:
        for sequence in _CALIBRATIONS:
            yield from self._calibration(sequence)
        self._now = self._midnight + _DUSK
        while self._now < self._midnight + _DAWN:
            yield self._science()
        for sequence in _MORNING:
            yield from self._calibration(sequence)

    def _calibration(self, sequence: _Sequence) -> Iterator[TakenExposure]:
        self._expid += self._random.randint(0, 2)  # numbers that went to other instruments
        for _ in range(sequence.exposures):
            open_for = sequence.exptime and round(sequence.exptime + self._random.uniform(0.001, 0.06), 4)
            yield self._take(
                open_for,
                idle=7.5,
                exptype=sequence.exptype,
                program=sequence.program,
                airmass=1.0,
                skyra=179.350056,
                skydec=-17.0,
            )

    def _science(self) -> TakenExposure:
        dice = self._random
        throw = dice.random()
        measured = dice.random() < _MEASURED
        self._expid += dice.random() < 0.1  # noqa: PLR2004 (now and then a number is lost)
        return self._take(
            round(dice.uniform(900.0, 1800.0), 4),
            idle=dice.uniform(40.0, 120.0),
            exptype="science",
            program=next(program for program, up_to in _PROGRAMS if throw <= up_to),
            tile_id=dice.randint(1000, 42000),
            skyra=round(dice.uniform(0.0, 360.0), 6),
            skydec=round(dice.uniform(-15.0, 70.0), 6),
            airmass=round(1.0 + dice.expovariate(6.0), 6),
            seeing=round(dice.lognormvariate(0.1, 0.25), 3) if measured else None,
            transparency=round(dice.uniform(0.7, 1.05), 3) if measured else None,
            skylevel=round(dice.gauss(21.0, 0.4), 3) if measured else None,
            s2n=round(dice.uniform(2.0, 9.0), 3) if measured else None,
        )

    def _take(self, open_for: float, *, idle: float, **values: object) -> TakenExposure:
        row = {"expid": self._expid, "night": self._night, "date": self._now, "exptime": open_for, **values}
        self._expid += 1
        self._now += timedelta(seconds=open_for + READOUT + idle)
        return TakenExposure.of_row(row)


def _midnight(night: int) -> datetime:
    """Return 00:00 UTC of a night's date."""
    try:
        midnight = datetime(night // 10000, night // 100 % 100, night % 100, tzinfo=UTC)
    except ValueError as error:
        raise NoSuchNight(f"there is no night {night}: write YYYYMMDD") from error
    if night < _FIRST_NIGHT:
        raise NoSuchNight(f"cannot make up night {night}: nights from {_FIRST_NIGHT} on can be made up")
    return midnight
