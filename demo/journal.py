"""Files to which another process adds one JSON object a line, read as they grow."""

import json
from pathlib import Path
from typing import Any


class Journal:
    """What a process has written so far.

    Args:
        path: The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._entries: list[dict[str, Any]] = []

    def entries(self) -> list[dict[str, Any]]:
        """Return all whole lines that are there by now, in order."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole, end, _ = file.read().rpartition(b"\n")
            self._entries += [json.loads(line) for line in whole.splitlines()]
            self._read += len(whole + end)
        return self._entries


def announced(tapped: Journal, epoch: str) -> list[dict[str, Any]]:
    """Return the exposures that a tap has seen of one exposureDB; a broker may carry another's as well."""
    return [entry for entry in tapped.entries() if "expid" in entry and entry["epoch"] == epoch]
