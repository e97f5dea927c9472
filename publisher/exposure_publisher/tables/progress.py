"""How far reading has come: a bar on a terminal, and nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from exposure_publisher.tables.layout import Watch

WORTH_A_BAR: Final = 2_000_000
"""Bytes; less is read before a bar is seen."""


@contextmanager
def reading_bar(title: str, size: int) -> Iterator[Watch | None]:
    """Show a bar on standard error while a file is read.

    Args:
        title: What is done with it.
        size: The file's size in bytes.

    Yields:
        What is to be called with the number of bytes read; None if there is no bar.
    """
    if size < WORTH_A_BAR or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 (80 ms, which a pipe and a short file do without)
    from rich.progress import Progress  # noqa: PLC0415 (likewise)

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=size)
        yield lambda read: progress.update(task, completed=read)
