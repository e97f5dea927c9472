"""What each station of an exposure's way says of the night, gathered once everything has stopped."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ICSInterface
from files import Sums, found, promised
from journal import Journal, announced
from places import Places
from truth import ExposureDatabase, Row

_NO_END = 2**63 - 1
"""Above every exposure number."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What each station says; exposures by their number."""

    night: tuple[int, ...]
    """Exposures of the night, by DESI's table."""
    rows: dict[int, Row]
    """The exposureDB."""
    announced: list[dict[str, Any]]
    """What the tap saw of this run, in order: the sixteen keys as JSON has them, and ``sequence``."""
    cached: dict[int, dict[str, Any]]
    """Summaries as `ICSInterface` gives them."""
    called: list[tuple[int, datetime]]
    """What `new_exposures` gave to the QLF process, and when, in order."""
    failed: dict[int, str]
    """Exposures whose files the QLF process could not fetch, and why."""
    promised: dict[int, Sums]
    """Files as the instrument's checksum files promise them."""
    found: dict[int, Sums]
    """Files as they lie in the QLF process's folder."""
    size: int
    """Bytes of these."""
    strays: list[str]
    """Files beside the exposures' folders, and what the emulator left half-written."""
    status: dict[str, Any]
    """What `ICSInterface.status` says of the cache."""
    exit_codes: dict[str, int] = field(default_factory=dict)
    """Process to its exit code, once asked to end."""

    @property
    def written(self) -> list[int]:
        """Exposures whose data is all on disk, by the exposureDB."""
        return [expid for expid, row in self.rows.items() if row["data_written"]]


def gather(here: Places, database: ExposureDatabase, night: tuple[int, ...], exit_codes: dict[str, int]) -> Evidence:
    """Ask every station.

    Args:
        here: The demo's folder.
        database: The exposureDB.
        night: Exposures of the night, by DESI's table.
        exit_codes: How the processes ended.
    """
    rows = database.rows()
    diary = Journal(here.diary).entries()
    written = [expid for expid, row in rows.items() if row["data_written"]]
    return Evidence(
        night=night,
        rows=rows,
        announced=announced(Journal(here.tapped), database.epoch()),
        cached=_cached(),
        called=[(e["expid"], datetime.fromisoformat(e["at"])) for e in diary if e["what"] == "called"],
        failed={e["expid"]: e["why"] for e in diary if e["what"] == "failed"},
        promised={expid: promised(Path(rows[expid]["data_location"]), expid) for expid in written},
        found={expid: found(folder_of(here, expid)) for expid in written},
        size=sum(path.stat().st_size for path in here.fetched.rglob("*") if path.is_file()),
        strays=_strays(here, written),
        status=ICSInterface.status(),
        exit_codes=exit_codes,
    )


def folder_of(here: Places, expid: int) -> Path:
    """Return the folder in which the QLF process keeps the files of an exposure."""
    return here.fetched / f"{expid:08d}"


def _cached() -> dict[int, dict[str, Any]]:
    everything = ICSInterface.get_exposure_summary(expid_range=(0, _NO_END), require_data_written=False)
    return {summary["expid"]: summary for summary in everything}


def _strays(here: Places, written: list[int]) -> list[str]:
    wanted = {folder_of(here, expid) for expid in written}
    unasked = [path for path in here.fetched.iterdir() if path not in wanted]
    half_written = here.raw.rglob("*.part")
    return sorted(str(path.relative_to(here.root)) for path in [*unasked, *half_written])
