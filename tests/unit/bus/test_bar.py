"""The bar for long work on files."""

import io
import sys
import threading

import pytest

from exposure_bus.command.bar import Bar, bytes_bar


class Terminal(io.StringIO):
    """What standard error is to somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def work(total: int) -> None:
    with bytes_bar("exposure 195972", total, 3) as bar:
        bar.advance(500_000)
        bar.advance(-500_000)
        bar.file_done()
        bar.advance(1_000_000)
        bar.file_done("whatever a fetch hands over")


def test_on_a_terminal_it_shows_bytes_and_files_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work(2_000_000)
    shown = terminal.getvalue()
    assert "exposure 195972" in shown
    assert "1.0/2.0 MB" in shown
    assert "2/3 files" in shown
    assert shown.endswith("\x1b[2K"), "the line is cleared at the end"


def test_elsewhere_it_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    work(2_000_000)
    assert capsys.readouterr() == ("", "")


def test_without_any_bytes_it_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work(0)
    assert terminal.getvalue() == ""


def test_files_of_several_threads_are_all_counted() -> None:
    told: list[int] = []
    bar = Bar(lambda _count, done: told.append(done))

    def finish_many() -> None:
        for _ in range(500):
            bar.file_done()

    threads = [threading.Thread(target=finish_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == list(range(1, 2001))
