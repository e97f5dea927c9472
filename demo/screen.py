"""What a person sees while the demo runs: on a terminal a table that lives, elsewhere a line now and then."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from progress import Progress
from truth import Row

_PLAYED: Final = "the night played"
_WIDTH: Final = 80
"""Columns beyond which a line does not grow, so that what belongs together stays together."""
_PIPE_WIDTH: Final = 120
_LINE_EVERY: Final = 10
"""Exposures between two lines where there is no terminal."""
_BAR_WIDTH: Final = 40
_SPIN: Final = 8
"""Turns of a spinner's dots in a second; each costs the machine that plays the night."""

_STATIONS: Final = {
    "played": "exposureDB",
    "announced": "RabbitMQ",
    "cached": "follower",
    "yielded": "QLF",
    "fetched": "QLF",
}
"""How far an exposure has come, and where that shows."""

Show = Callable[[Progress], None]


class Screen(ABC):
    """Shows how the demo goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @abstractmethod
    def show(self, what: RenderableType) -> None:
        """Show something that stays."""

    @abstractmethod
    def step(self, text: str) -> AbstractContextManager[None]:
        """Show what is being done in a block, and then how long it took."""

    @abstractmethod
    def night(self, exposures: int) -> AbstractContextManager[Show]:
        """Show a night of so many exposures while a block calls what it is given."""


def open_screen() -> Screen:
    """Return the screen that fits where standard output goes."""
    return TerminalScreen(Console(highlight=False)) if sys.stdout.isatty() else LineScreen(Console(width=_PIPE_WIDTH))


class TerminalScreen(Screen):
    """A table that lives, below the steps that are done."""

    def show(self, what: RenderableType) -> None:
        """Print it."""
        self._console.print(what)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Turn a spinner, then tick the step off."""
        began = time.monotonic()
        spinner = Padding(Spinner("dots", Text(f" {text}"), style="cyan"), (0, 2))
        with Live(spinner, console=self._console, refresh_per_second=_SPIN, transient=True):
            yield
        self._tick(text, began)

    @contextmanager
    def night(self, exposures: int) -> Iterator[Show]:
        """Keep a table up to date, and take it away at the end."""
        began = time.monotonic()
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            yield lambda progress: live.update(live_table(progress, exposures), refresh=True)
        self._tick(_PLAYED, began)

    def _tick(self, text: str, began: float) -> None:
        took = f"{time.monotonic() - began:.1f} s"
        line = Text("  ").append("✓", "green").append(f"  {text:<{_WIDTH - 14}}").append(f"{took:>7}", "dim")
        self._console.print(line)


class LineScreen(Screen):
    """A line a step, and one for every few exposures."""

    def show(self, what: RenderableType) -> None:
        """Print it, without the spaces by which a terminal's lines are filled."""
        with self._console.capture() as printed:
            self._console.print(what)
        for line in printed.get().splitlines():
            print(line.rstrip(), flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say a step when it is done."""
        began = time.monotonic()
        yield
        self._done(text, began)

    @contextmanager
    def night(self, exposures: int) -> Iterator[Show]:
        """Say how far the night is, every few exposures."""
        began, said = time.monotonic(), 0

        def show(progress: Progress) -> None:
            nonlocal said
            if progress.written - said >= _LINE_EVERY:
                said = progress.written
                counts = ", ".join(f"{count} {station}" for station, count in progress.stations.items())
                self._say(f"of {exposures} exposures {counts}")

        yield show
        self._done(_PLAYED, began)

    def _done(self, text: str, began: float) -> None:
        self._say(f"{text}: {time.monotonic() - began:.1f} s")

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def live_table(progress: Progress, exposures: int) -> RenderableType:
    """Return the table of a night under way."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=10)
    table.add_column(width=10, style="dim")
    table.add_column(width=_BAR_WIDTH)
    table.add_column(justify="right", width=3)
    for station, count in progress.stations.items():
        bar = ProgressBar(total=exposures, completed=count, width=_BAR_WIDTH, complete_style="cyan")
        table.add_row(station, _STATIONS[station], bar, str(count))
    return Padding(Group(table, Text(), _now(progress.newest), _delays(progress)), (1, 2))


def _now(row: Row | None) -> Text:
    if row is None:
        return Text("waiting for the first exposure", style="dim")
    words = [str(row["expid"]), row["exptype"], row["program"]]
    words += [f"tile {row['tile_id']}"] if row["tile_id"] else []
    moment = f"{row['date']:%H:%M} UTC" if row["date"] else ""
    text = Text(f"{moment:<12}", style="dim").append("  ".join(word for word in words if word), style="default")
    text.truncate(_WIDTH - 4, overflow="ellipsis")
    return text


def _delays(progress: Progress) -> Text:
    return Text(f"latency from commit to QLF: {progress.latency}" if progress.latency else "", style="dim")
