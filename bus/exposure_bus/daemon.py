"""What the long-running verbs share: log lines, and a clean end on Ctrl-C and SIGTERM."""

import gc
import logging
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

NEW_OBJECTS: Final = 20_000
"""Objects after which to look for cycles among them: a page of exposures has some 10,000 objects, and no cycle."""


def collect_rarely() -> None:
    """Look less often for unreachable cycles of objects: it took a sixth of what the relay does for a history."""
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


def start_logging(*, verbose: bool = False) -> None:
    """Write log lines to stderr: time in UTC, level, sentence."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # its errors reach a person as ours, in one line


def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` on Ctrl-C or SIGTERM; a second signal ends the process at once."""

    def handle(number: int, _frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


class _Line(logging.Formatter):
    """``2026-01-31T03:14:15.926Z INFO sentence``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = f"{moment[:-6]}Z {record.levelname} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text
