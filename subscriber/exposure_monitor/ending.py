"""How a tap that runs as a command ends: by a signal, or because nobody reads what it writes any more."""

import os
import select
import signal
import stat
import sys
from threading import Thread
from typing import Any, Final

from exposure_monitor.tap import Tap

INTERRUPTED: Final = 130
"""128 and SIGINT, as a shell has it."""


class Ending:
    """Ends a tap on Ctrl-C and SIGTERM; a second signal ends the process at once.

    Args:
        tap: What to end.
    """

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.exit_code = 0
        """130 after Ctrl-C, else 0."""

    def on_signals(self) -> None:
        """End on Ctrl-C and SIGTERM."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def when_unread(self) -> None:
        """End when the reader of our pipe has gone, as `head` does, though there may be nothing to write for hours."""
        if sys.stdout is not None and _is_pipe(sys.stdout):
            Thread(target=self._stop_when_unread, args=[sys.stdout.fileno()], daemon=True).start()

    def _stop_when_unread(self, pipe: int) -> None:
        poller = select.poll()
        poller.register(pipe, 0)  # no event is asked for, but an error is always told: that nobody reads
        poller.poll()
        self._tap.stop()

    def _on_signal(self, number: int, _frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.exit_code = INTERRUPTED if number == signal.SIGINT else 0
        self._tap.stop()
        if not self._tap.connected:
            raise SystemExit(self.exit_code)  # it may be waiting for a broker that does not answer


def _is_pipe(stream: Any) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False  # it is no file of the operating system at all
