"""How the demo finds its night, its folder and its settings, and how it is stopped."""

import os
import signal
from pathlib import Path

import pytest

from errors import Misused, NotSetUp
from exposure_bus.settings import load_settings
from night import find_night
from places import places
from settings_file import settle
from stopping import Stopped, stoppable


def test_a_night_of_desis_package_is_found_with_its_exposures() -> None:
    night = find_night(20230913, None)
    assert (str(night), len(night.expids), night.expids[0], night.expids[-1]) == ("2023-09-13", 94, 195972, 196097)
    assert find_night(20230913, 3).expids == (195972, 195973, 195974)


def test_a_night_that_the_package_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(Misused, match=r"--night is 20230101: .* it has .*20230913, 20230914"):
        find_night(20230101, None)


def test_without_desis_package_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("night.find_spec", lambda _name: None)
    with pytest.raises(NotSetUp, match="make setup"):
        find_night(20230913, None)


def test_a_temporary_folder_is_removed_and_a_kept_one_is_not(tmp_path: Path) -> None:
    with places(None) as temporary:
        assert temporary.raw.is_dir()
    assert not temporary.root.exists()
    with places(str(tmp_path / "new" / "kept")) as kept:
        pass
    assert kept.logs.is_dir()


def test_a_folder_to_keep_that_holds_something_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Misused, match=r"holds thesis\.tex already"), places(str(tmp_path)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_to_keep_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misused, match="name a folder"), places(str(tmp_path / "file" / "kept")):
        pass


def test_the_settings_file_holds_for_this_process_and_the_users_own_settings_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_CACHE_URL", "sqlite:////of/the/user")
    monkeypatch.setenv("EXPOSURE_BUS_CONFIG", "/of/the/user")
    with places(str(tmp_path / "kept")) as here:
        settle(here, broker_url='amqp://u:a"\\b@127.0.0.1:1/', cache_url="sqlite:////ours", subscriber="demo-1")
    settings = load_settings()
    assert (settings.broker_url, settings.cache_url) == ('amqp://u:a"\\b@127.0.0.1:1/', "sqlite:////ours")
    assert here.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_stops_and_the_second_does_not_disturb_the_tidying_up(
    number: signal.Signals, exit_code: int
) -> None:
    before = signal.getsignal(number)
    tidied: list[str] = []
    with pytest.raises(Stopped) as stopped:
        signal_twice(number, tidied)
    assert tidied == ["after the second"]
    assert stopped.value.exit_code == exit_code
    assert signal.getsignal(number) is before


def signal_twice(number: signal.Signals, tidied: list[str]) -> None:
    with stoppable():
        try:
            os.kill(os.getpid(), number)
            tidied.append("not stopped by the first")
        finally:
            os.kill(os.getpid(), number)
            tidied.append("after the second")
