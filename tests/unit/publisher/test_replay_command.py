"""``exposure-bus replay`` used wrongly, and its help."""

from pathlib import Path

import pytest

from exposure_bus.command import main

Capture = pytest.CaptureFixture[str]


def _code(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", *arguments])
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "exactly one of them"),
        (("5", "--all"), "exactly one of them"),
        (("--expid", "9", "5"), "reversed"),
        (("--expid", "1", str(2**63)), str(2**63)),
        (("--night", "20231301"), "20231301"),
        (("--date", "2023-09-14", "soon"), "'soon'"),
        (("--all", "--rate", "0"), "'--rate'"),
        (("--all", "--to", "a b"), "'a b' is no follower's name"),
    ],
)
def test_used_wrongly_it_ends_with_code_2_and_says_what_was_given(
    arguments: tuple[str, ...], said: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert _code(*arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_its_help_has_examples_and_each_flag_its_environment_twin(capsys: Capture) -> None:
    assert _code("--help") == 0
    text = capsys.readouterr().out
    assert "exposure-bus replay --night 20230913 --to qlf2" in text
    assert "EXPOSURE_BUS_BROKER_URL" in text
    assert "EXPOSURE_BUS_EXPOSURE_DB_URL" in text
