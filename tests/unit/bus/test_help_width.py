"""How wide a help page is: what click would make of it."""

import os

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.command.main import WIDEST
from exposure_bus.command.width import help_width


def of_click() -> int:
    return click.HelpFormatter(max_width=WIDEST).width


@given(columns=st.one_of(st.integers(-5, 300).map(str), st.sampled_from(["", "wide", "1.5", "๙๙"])))
def test_it_is_as_click_has_it_whatever_the_environment_says(columns: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", columns)
        assert help_width(WIDEST) == of_click()


@pytest.mark.parametrize("columns", [0, 20, 60, 101, 300])
def test_it_is_as_click_has_it_on_a_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((columns, 24)))
    assert help_width(WIDEST) == of_click()


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_without_a_terminal_it_is_that_of_a_usual_one(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_descriptor: int) -> os.terminal_size:
        raise error

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", none)
    assert help_width(WIDEST) == of_click() == 78
