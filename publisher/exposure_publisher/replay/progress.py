"""How far a replay is: a bar on a terminal, a log line now and then elsewhere."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

log = logging.getLogger(__name__)

Show = Callable[[int], None]
"""Called with the number of exposures that are done."""

EVERY: Final = 5.0
"""Seconds between log lines."""


@contextmanager
def progress(title: str, total: int) -> Iterator[Show]:
    """Show how far it is for the length of a block.

    Args:
        title: What is done, one word.
        total: How many exposures there are.
    """
    if sys.stderr.isatty():
        with _bar(title, total) as show:
            yield show
    else:
        yield _lines(title, total)


def _lines(title: str, total: int) -> Show:
    said = monotonic()

    def show(done: int) -> None:
        nonlocal said
        if monotonic() - said >= EVERY:
            said = monotonic()
            log.info("%s: %d of %d exposures", title, done, total)

    return show


@contextmanager
def _bar(title: str, total: int) -> Iterator[Show]:
    from rich.console import Console  # noqa: PLC0415 (80 ms, which a pipe does without)
    from rich.progress import MofNCompleteColumn, Progress  # noqa: PLC0415 (likewise)

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=total)
        yield lambda done: shown.update(task, completed=done)
