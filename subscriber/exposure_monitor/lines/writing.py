"""Writes a tap's messages to standard output, each line at once."""

import os
import sys
from contextlib import closing
from typing import IO, Any

from exposure_bus.errors import BusError
from exposure_monitor.lines import Lines, entries_of
from exposure_monitor.tap import Tap


def write_lines(tap: Tap, lines: Lines, most: int | None) -> None:
    """Write until the tap ends, so many exposures are written, or nobody reads any more.

    Args:
        tap: Where messages come from.
        lines: How they are written.
        most: After how many exposures to end; None to go on. Other messages do not count.

    Raises:
        BusError: The output takes no more: the disk is full, for instance.
    """
    try:
        _write(tap, lines, most)
    except BrokenPipeError:
        _forget(sys.stdout)  # the reader has seen enough


def _write(tap: Tap, lines: Lines, most: int | None) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a text file; its encoding may be poor
    if lines.header is not None:
        _write_line(lines.header)
    left = most
    with closing(iter(tap)) as messages:
        for tapped in messages:
            for exposure in entries_of(tapped):
                _write_line(lines.line(tapped, exposure))
                if exposure is not None and left is not None:
                    left -= 1
                    if not left:
                        return


def _write_line(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _forget(sys.stdout)
        raise BusError(f"cannot write what was tapped: {error.strerror}") from error


def _forget(stream: IO[Any]) -> None:
    """Let what cannot be written vanish, or the interpreter complains about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
