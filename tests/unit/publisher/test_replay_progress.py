"""How a replay shows how far it is."""

import io
import logging
import sys

import pytest

from exposure_publisher.replay import progress as module
from exposure_publisher.replay.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("replaying", 200) as show:
        show(50)
    assert "replaying" in terminal.getvalue()
    assert "25%" in terminal.getvalue()
    assert "50/200" in terminal.getvalue()


def test_elsewhere_a_line_is_logged_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter([0.0, 1.0, 5.0, 5.0, 9.0, 11.0, 11.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO), progress("replaying", 200) as show:
        for done in (10, 20, 30, 40):
            show(done)
    assert caplog.messages == ["replaying: 20 of 200 exposures", "replaying: 40 of 200 exposures"]
