"""Ctrl-C and SIGTERM: what runs is unwound, so that every process is ended and every folder removed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the demo to stop.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        """As a shell has it: 130 for Ctrl-C, 143 for SIGTERM."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in this block at the first stop signal; later ones do not disturb the tidying up."""
    before = {number: signal.signal(number, _stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tidy_undisturbed() -> None:
    """Let no signal disturb what follows."""
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    tidy_undisturbed()
    raise Stopped(number)
