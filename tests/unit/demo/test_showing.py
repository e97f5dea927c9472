"""What a person sees of the demo, on a terminal and in a file."""

import io

import pytest
from rich.console import Console
from tests.unit.demo.stations import ROWS, SCIENCE, evidence

from latency import Latency
from progress import Progress
from report import report
from screen import LineScreen, TerminalScreen, live_table
from verdict import judge


def progress(written: int, fetched: int) -> Progress:
    stations = {"played": written, "announced": written, "cached": written, "yielded": written, "fetched": fetched}
    return Progress(stations=stations, written=written, newest=ROWS[SCIENCE], latency=Latency.of([0.01]))


def rendered(what: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined] # it is the StringIO from above


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_table_and_the_verdict_fit_the_terminal(width: int) -> None:
    table = rendered(live_table(progress(57, 50), 94), width)
    verdict = rendered(report(judge(evidence()), Latency.of([0.01]), 40.0), width)
    assert [line.split()[0] for line in table if line.strip()][:5] == [
        "played",
        "announced",
        "cached",
        "yielded",
        "fetched",
    ]
    assert len(table) == 10  # none is folded
    assert len(verdict) == 13
    assert "Both ends agree." in verdict[-2]


def test_disagreements_are_listed_and_too_many_are_counted() -> None:
    many = tuple(range(1, 31))
    lines = rendered(report(judge(evidence(night=(*evidence().night, *many), strays=["a.part"])), None, 40.0), 120)
    text = "\n".join(line.strip() for line in lines)
    assert "31 disagreements:" in text
    assert "played: exposure 10 is in the night's table, but not in the exposureDB" in text
    assert "played: and 20 more" in text
    assert "leftovers: a.part was left lying" in text
    assert "agree." not in text


def test_where_there_is_no_terminal_a_line_comes_every_ten_exposures(capsys: pytest.CaptureFixture[str]) -> None:
    with LineScreen(Console(width=120)).night(30) as show:
        for written in range(31):
            show(progress(written, max(0, written - 2)))
    lines = [line[9:] for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        f"of 30 exposures {n} played, {n} announced, {n} cached, {n} yielded, {n - 2} fetched" for n in (10, 20, 30)
    ]
    assert lines[3].startswith("the night played: ")


def test_nothing_that_is_not_text_goes_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(Console(width=120))
    with screen.step("RabbitMQ"):
        pass
    screen.show(report(judge(evidence()), Latency.of([0.01]), 40.0))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_a_terminal_is_left_with_the_steps_and_without_the_table() -> None:
    file = io.StringIO()
    screen = TerminalScreen(Console(file=file, width=80, force_terminal=True))
    with screen.step("RabbitMQ"):
        pass
    with screen.night(94) as show:
        show(progress(10, 8))
    last = file.getvalue().rsplit("\x1b[2K", 1)[1]  # what follows the last line that was erased
    assert "the night played" in last
    assert "announced" not in last


def test_before_the_first_exposure_the_table_says_that_it_waits() -> None:
    nothing = Progress(stations={"played": 0}, written=0, newest=None, latency=None)
    assert "waiting for the first exposure" in "".join(rendered(live_table(nothing, 94), 80))
