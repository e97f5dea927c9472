"""How far the night is, while it is played: what every station says by now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ICSInterface
from journal import Journal, announced
from latency import Latency
from places import Places
from truth import ExposureDatabase, Row


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How many exposures have come to each station with their data written."""

    stations: Mapping[str, int]
    """Station to its count, in the order of the way."""
    written: int
    """How many the exposureDB has."""
    newest: Row | None
    """What the exposureDB was told last."""
    latency: Latency | None
    """From the commit to the call in the QLF process."""

    @property
    def arrived(self) -> bool:
        """Whether everything written has come to the end of the way."""
        return all(count >= self.written for count in self.stations.values())


class Lookout:
    """Looks at every station.

    Args:
        here: The demo's folder.
        database: The exposureDB.
    """

    def __init__(self, here: Places, database: ExposureDatabase) -> None:
        self._database = database
        self._epoch = database.epoch()
        self._tapped = Journal(here.tapped)
        self._diary = Journal(here.diary)

    def look(self) -> Progress:
        """Return how far the night is now."""
        rows = self._database.rows()
        called = {entry["expid"]: datetime.fromisoformat(entry["at"]) for entry in self._noted("called")}
        written = sum(row["data_written"] for row in rows.values())
        return Progress(
            stations={
                "played": written,
                "announced": self._announced(),
                "cached": ICSInterface.status()["written"],
                "yielded": len(called),
                "fetched": len(self._noted("fetched", "failed")),
            },
            written=written,
            newest=max(rows.values(), key=lambda row: row["data_written_at"], default=None),
            latency=Latency.of_calls(rows, called.items()),
        )

    def _announced(self) -> int:
        return len({entry["expid"] for entry in announced(self._tapped, self._epoch) if entry["data_written"]})

    def _noted(self, *what: str) -> list[dict[str, Any]]:
        return [entry for entry in self._diary.entries() if entry["what"] in what]
