"""Where nights come from."""

import importlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exposure_emulator
from exposure_emulator import NoSuchNight, TakenExposure, installed_nights, read_night, synthetic_night
from exposure_publisher.tables import BadRows
from exposure_publisher.tables.times import night_of


@pytest.fixture
def without_desispec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exposure_emulator.nights.find_spec", lambda _: None)


def test_a_table_gives_its_exposures_in_order_and_as_ics_would_take_them(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("EXPID,NIGHT,TILEID,saved,data_location\n9,20230913,1,,/x\n7,20230913,-99,f,\n8,20230914,,t,/y\n")
    assert read_night(str(path)) == [
        TakenExposure(expid=7, night=20230913, data_written=False),
        TakenExposure(expid=8, night=20230914),
        TakenExposure(expid=9, night=20230913, tile_id=1),
    ]
    assert [exposure.expid for exposure in read_night(str(path), night=20230914)] == [8]
    with pytest.raises(NoSuchNight, match="no exposure of night 20230915"):
        read_night(str(path), night=20230915)


def test_a_table_with_bad_rows_is_not_played(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("EXPID,NIGHT\nx,20230913\ny,20230913\n")
    with pytest.raises(BadRows, match=r"line 2: EXPID is 'x'.*\(and 1 more\).*load --dry-run"):
        read_night(str(path))


def test_the_four_nights_of_desis_package_are_found_by_their_dates() -> None:
    if not installed_nights():
        pytest.fail("DESI's package is not installed: pip install --no-deps desispec==0.70.0")
    assert set(installed_nights()) == {20210511, 20211129, 20230913, 20230914}
    exposures = read_night("20230913")
    assert len(exposures) == 94
    assert (exposures[0].kind, exposures[-1].kind) == ("calibration", "calibration")
    assert sum(exposure.kind == "science" for exposure in exposures) == 33
    with pytest.raises(NoSuchNight, match="it has 20210511, 20211129, 20230913, 20230914"):
        read_night("20230915")


@pytest.mark.usefixtures("without_desispec")
def test_without_desis_package_a_night_says_what_to_install() -> None:
    with pytest.raises(NoSuchNight, match="pip install --no-deps desispec"):
        read_night("20230913")


def test_a_table_that_is_not_there_is_told_from_a_night() -> None:
    with pytest.raises(NoSuchNight, match=r"there is no table nights/20230913\.csv"):
        read_night("nights/20230913.csv")


NIGHTS = st.dates(datetime(2021, 1, 1, tzinfo=UTC).date(), datetime(2060, 1, 1, tzinfo=UTC).date()).map(
    lambda day: int(f"{day:%Y%m%d}")
)


@settings(max_examples=30)
@given(NIGHTS, st.integers(0, 10**6))
def test_a_made_up_night_goes_as_real_nights_go(night: int, seed: int) -> None:
    exposures = read_night("synthetic", night=night, seed=seed)
    expids = [exposure.expid for exposure in exposures]
    assert expids == sorted(set(expids))
    assert expids[-1] - expids[0] + 1 > len(expids)
    assert 70 <= len(exposures) <= 110
    moments = [exposure.date for exposure in exposures if exposure.date]
    assert moments == sorted(moments)
    assert {night_of(moment) for moment in moments} == {night} == {exposure.night for exposure in exposures}
    assert sum(exposure.exptype == "zero" for exposure in exposures) == 35
    assert sum(exposure.kind == "marker" for exposure in exposures) == 2
    for exposure in exposures:
        assert (exposure.tile_id is not None) == (exposure.kind == "science")
        assert exposure.kind != "science" or 900 <= (exposure.exptime or 0) <= 1800


@given(NIGHTS, st.integers(0, 10**6))
@settings(max_examples=30)
def test_two_made_up_nights_share_no_exposure_number(night: int, seed: int) -> None:
    next_day = datetime.strptime(str(night), "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
    tonight, tomorrow = synthetic_night(night, seed=seed), synthetic_night(int(f"{next_day:%Y%m%d}"), seed=seed + 1)
    assert 0 < tonight[-1].expid < tomorrow[0].expid


def test_the_same_seed_makes_up_the_same_night_and_another_seed_another() -> None:
    assert synthetic_night(20260110, seed=1) == synthetic_night(20260110, seed=1)
    assert synthetic_night(20260110, seed=1) != synthetic_night(20260110, seed=2)


def test_a_made_up_night_is_the_present_one_if_none_is_named() -> None:
    before = night_of(datetime.now(UTC))
    assert before <= synthetic_night()[0].night <= night_of(datetime.now(UTC))


@pytest.mark.parametrize("night", [20260230, 20201231, 7, 0])
def test_a_night_that_is_no_date_or_too_early_cannot_be_made_up(night: int) -> None:
    with pytest.raises(NoSuchNight, match=str(night)):
        synthetic_night(night)


def test_every_name_that_the_package_promises_is_there_and_no_other() -> None:
    for name in exposure_emulator.__all__:
        assert getattr(exposure_emulator, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        exposure_emulator.nothing  # noqa: B018 (that it cannot be had is the point)


def test_the_command_is_described_without_astropy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("exposure_emulator", "astropy"))]:
        monkeypatch.delitem(sys.modules, name)
    importlib.import_module("exposure_emulator.commands.emulate")
    assert "astropy" not in sys.modules
