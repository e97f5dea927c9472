"""The table: one aligned line an exposure, as it comes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

from exposure_monitor.lines.notes import note_of, printable
from exposure_monitor.tapped import Tapped
from exposure_schemas import Exposure, ExposureSummary, Retraction
from exposure_schemas.routing import ALARM_EXCHANGE


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    width: int
    text: Callable[[Tapped, Exposure], Any]
    right: bool = False

    def fit(self, value: Any) -> str:
        """Return a cell: words are cut to the width, numbers never."""
        text = "" if value is None else printable(value)
        if self.right:
            return text.rjust(self.width)
        return (text if len(text) <= self.width else text[: self.width - 1] + "…").ljust(self.width)


COLUMNS: Final = (
    _Column("received", 12, lambda tapped, _: _clock(tapped.received_at)),
    _Column("published", 20, lambda tapped, _: _moment(tapped.published_at)),
    _Column("data", 7, lambda _, exposure: "written" if exposure.data_written else "pending"),
    _Column("expid", 8, lambda _, exposure: exposure.expid, right=True),
    _Column("night", 8, lambda _, exposure: exposure.night),
    _Column("exptype", 8, lambda _, exposure: exposure.exptype),
    _Column("program", 12, lambda _, exposure: exposure.program),
    _Column("tile", 6, lambda _, exposure: exposure.tile_id, right=True),
    _Column("exptime", 7, lambda _, exposure: _seconds(exposure.exptime), right=True),
    _Column("sequence", 8, lambda _, exposure: exposure.sequence, right=True),
    _Column("replayed", 8, lambda tapped, _: "replayed" if _is_replayed(tapped) else ""),
)
"""Everything but the location, which ends the line and is never cut. Times are UTC, exposure times seconds."""

_WHEN: Final = 2
"""How many of the columns say when, for messages that carry no exposure as well."""

_GAP: Final = "  "


class TableLines:
    """Lines whose columns never move.

    Args:
        colour: Whether to colour them.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    @property
    def header(self) -> str:
        """The names of the columns."""
        names = [column.name.rjust(column.width) if column.right else column.fit(column.name) for column in COLUMNS]
        return self._styled(_GAP.join([*names, "location"]), bold=True)

    def line(self, tapped: Tapped, entry: Exposure | Retraction | None) -> str:
        """Return an exposure's line, or a sentence about whatever else it is."""
        return self._exposure(tapped, entry) if isinstance(entry, Exposure) else self._note(tapped, entry)

    def _exposure(self, tapped: Tapped, exposure: Exposure) -> str:
        cells = [column.fit(column.text(tapped, exposure)) for column in COLUMNS]
        text = _GAP.join([*cells, printable(exposure.data_location or "")]).rstrip()
        if _is_replayed(tapped):
            return self._styled(text, dim=True)
        return self._styled(text, fg="green" if exposure.data_written else "yellow")

    def _note(self, tapped: Tapped, retraction: Retraction | None) -> str:
        when = [_clock(tapped.received_at), _moment(tapped.published_at)]
        cells = [column.fit(moment) for column, moment in zip(COLUMNS[:_WHEN], when, strict=True)]
        text = _GAP.join([*cells, printable(f"{tapped.routing_key}: {note_of(tapped, retraction)}")])
        if retraction is not None and not _is_replayed(tapped):
            return self._styled(text, fg="magenta")
        if tapped.message is None or tapped.exchange == ALARM_EXCHANGE:
            return self._styled(text, fg="red")
        return self._styled(text, dim=True)

    def _styled(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._colour else text


def _is_replayed(tapped: Tapped) -> bool:
    return isinstance(tapped.message, ExposureSummary) and tapped.message.replayed


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).time().isoformat(timespec="milliseconds")


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(exptime: float | None) -> str:
    return "" if exptime is None else f"{exptime:.1f}"
