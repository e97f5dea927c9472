"""What ``exposure-bus doctor`` says of written exposures that are not announced yet, since files are not there."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from exposure_bus.counting import counted
from exposure_bus.doctor import Finding, ok, warning
from exposure_publisher.manifest import location_of, look_into

MOST: Final = 100
"""Exposures whose folders are looked into."""

PATIENCE: Final = 10.0
"""Seconds that they may take together."""

_SHOWN: Final = 3
_CHECK: Final = "files"

WRITTEN: Final = f"""SELECT e.expid, e.night, e.data_written, e.data_location
    FROM (SELECT expid, min(id) AS first FROM exposure_change GROUP BY expid) AS c JOIN exposure AS e USING (expid)
    WHERE e.data_written ORDER BY c.first LIMIT {MOST}"""
"""Selects the written exposures whose changes wait the longest for a number."""


@dataclass
class _Look:
    """What was seen so far, in a thread that a file server may hang."""

    rows: Sequence[Mapping[str, Any]]
    at: Path | None = None
    waiting: list[str] = field(default_factory=list)

    def run(self) -> None:
        for row in self.rows:
            self.at = location_of(row)
            if self.at is not None:
                self._look(self.at, row)

    def _look(self, path: Path, row: Mapping[str, Any]) -> None:
        try:
            missing = look_into(path, row["expid"], row["night"]).missing
        except (OSError, ValueError):
            return  # it is announced without its files
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            self.waiting.append(f"{row['expid']} for {missing[0]}{more} in {path}")


def check_waiting_files(rows: Sequence[Mapping[str, Any]]) -> Finding:
    """Say which exposures wait for which files; names are looked at, no file is read but the checksum file.

    Args:
        rows: What `WRITTEN` selects.
    """
    look = _Look(rows)
    thread = threading.Thread(target=look.run, name="looks into folders", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        return warning(_CHECK, f"{look.at} does not answer", "does its file server run?")
    if look.waiting:
        some = "; ".join(look.waiting[:_SHOWN]) + ("; …" if len(look.waiting) > _SHOWN else "")
        text = f"{counted(len(look.waiting), 'written exposure')} not announced, waiting for listed files: {some}"
        return warning(_CHECK, text, "bring the files, or mend the checksum file or data_location")
    return ok(_CHECK, "no written exposure waits for a file that its checksum file lists")
