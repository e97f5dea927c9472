"""What a person sees of a night being played: a line an exposure, and on a terminal a bar below them."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.filesize import decimal

from exposure_emulator.player import Played

_log = logging.getLogger(__name__)


@contextmanager
def reporting(exposures: int) -> Iterator[Callable[[Played], None]]:
    """Give a function that reports each exposure on standard error.

    Args:
        exposures: How many there will be.
    """
    if not sys.stderr.isatty():
        yield lambda played: _log.info("%s", line_of(played))
        return
    from rich.console import Console  # noqa: PLC0415 (log lines do without its 80 ms)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn  # noqa: PLC0415 (likewise)

    console = Console(stderr=True, highlight=False)
    with Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=exposures)

        def report(played: Played) -> None:
            console.print(line_of(played), markup=False)
            progress.advance(task)

        yield report


def line_of(played: Played) -> str:
    """Return the line that says what an exposure left."""
    exposure = played.exposure
    words = [str(exposure.expid), exposure.exptype, exposure.program]
    words += [f"tile {exposure.tile_id}"] if exposure.tile_id is not None else []
    return f"{' '.join(word for word in words if word)}: {_files(played)}"


def _files(played: Played) -> str:
    if played.written is None:
        return "its files never came"
    files = played.written.files
    what = "no files" if files == 0 else f"{files} files, {decimal(played.written.size)}"
    return f"{what}, there already" if played.before else what
