"""Writes a tap's messages to standard output, each line at once."""

import os
import sys
from contextlib import closing

from exposure_bus.errors import BusError
from exposure_monitor.lines import Lines, entries_of
from exposure_monitor.tap import Tap
from exposure_schemas import Exposure


def write_lines(tap: Tap, lines: Lines, most: int | None) -> None:
    """Write until the tap ends, or so many exposures are written.

    Args:
        tap: Where messages come from.
        lines: How they are written.
        most: After how many exposures to end; None to go on. Other messages do not count.

    Raises:
        BusError: The output takes no more: the disk is full, for instance.
        BrokenPipeError: Nobody reads it any more.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a text file; its encoding may be poor
    if lines.header is not None:
        _write_line(lines.header)
    left = most
    with closing(iter(tap)) as messages:
        for tapped in messages:
            for entry in entries_of(tapped):
                _write_line(lines.line(tapped, entry))
                if isinstance(entry, Exposure) and left is not None:
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
        _forget_the_rest()
        raise BusError(f"cannot write what was tapped: {error.strerror}") from error


def _forget_the_rest() -> None:
    """Let what cannot be written vanish, or the interpreter complains about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
