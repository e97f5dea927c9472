"""The ledger of events: what was done to whom and when, one JSON object a line."""

import json
import threading
import time
from pathlib import Path
from typing import Any


class Events:
    """Writes down what happens, in the order in which it does.

    Args:
        file: Where to.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._began = time.monotonic()
        self._writing = threading.Lock()
        self._lines = file.open("w", encoding="utf-8", buffering=1)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def record(self, event: str, **details: Any) -> None:
        """Write an event down; safe in any thread."""
        line = json.dumps({"at": round(self.now, 3), "event": event, **details}, ensure_ascii=False)
        with self._writing:
            self._lines.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
