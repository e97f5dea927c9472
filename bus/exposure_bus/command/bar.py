"""Bars for long work, on a terminal and nowhere else."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Bar:
    """How far some work on files is; its methods may be called from several threads.

    Args:
        update: Called with the bytes that were done, and with how many files are done in all.
    """

    def __init__(self, update: Callable[[int, int], None]) -> None:
        self._update = update
        self._done = 0
        self._counting = threading.Lock()

    def advance(self, count: int) -> None:
        """Count bytes; a negative number takes them back."""
        self._update(count, self._done)

    def file_done(self, _file: object = None) -> None:
        """Count a file."""
        with self._counting:
            self._done += 1
            self._update(0, self._done)


@contextmanager
def bytes_bar(description: str, total: int, files: int) -> Iterator[Bar]:
    """Show how much of some files is done, on standard error; the bar goes away with the context.

    Args:
        description: What they are, such as ``exposure 195972``.
        total: Bytes in all.
        files: Files in all.

    Yields:
        What moves it on; it shows nothing if standard error is no terminal, or if there are no bytes.
    """
    if not (sys.stderr.isatty() and total):
        yield Bar(lambda _count, _done: None)
        return
    from rich.console import Console  # noqa: PLC0415 (80 ms, which a pipe does without)
    from rich.progress import Progress  # noqa: PLC0415 (likewise)

    with Progress(*_columns(files), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total, done=0)
        yield Bar(lambda count, done: progress.update(task, advance=count, done=done))


@contextmanager
def counting_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of some things are done, on standard error; the bar goes away with the context.

    Args:
        description: What they are, such as ``nights``.

    Yields:
        To be called with how many are done, and how many there are in all.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 (likewise)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415 (likewise)

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _columns(files: int) -> tuple[Any, ...]:
    from rich.progress import (  # noqa: PLC0415 (likewise)
        BarColumn,
        DownloadColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counted = f"{{task.fields[done]}}/{files} files"
    return "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), counted, TimeRemainingColumn()
