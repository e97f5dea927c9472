"""How a tap's messages are written, a line each: as a table for a person, as JSON lines or CSV for a program."""

from collections.abc import Iterator
from typing import Protocol

from exposure_bus.command.listing import Format
from exposure_monitor.lines.records import CsvLines, JsonLines
from exposure_monitor.lines.table import TableLines
from exposure_monitor.tapped import Tapped
from exposure_schemas import Exposure, Retraction

__all__ = ["Entry", "Lines", "entries_of", "lines_for"]

Entry = Exposure | Retraction | None
"""What gets a line: an exposure or a retraction of a message, or the message itself if it carries neither."""


class Lines(Protocol):
    """A way to write."""

    @property
    def header(self) -> str | None:
        """The first line; None if there is none."""

    def line(self, tapped: Tapped, entry: Entry) -> str:
        """Return one line, without its end."""


def lines_for(output_format: Format, *, colour: bool) -> Lines:
    """Return what writes a format; colour is for tables alone."""
    return TableLines(colour=colour) if output_format == "table" else _RECORDS[output_format]()


def entries_of(tapped: Tapped) -> Iterator[Entry]:
    """Yield what gets a line."""
    entries: list[Entry] = [*tapped.exposures, *tapped.retracted]
    yield from entries or (None,)


_RECORDS: dict[str, type[JsonLines | CsvLines]] = {"json": JsonLines, "csv": CsvLines}
