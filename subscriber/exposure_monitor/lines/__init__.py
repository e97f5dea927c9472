"""How a tap's messages are written, a line each: as a table for a person, as JSON lines or CSV for a program."""

from collections.abc import Iterator
from typing import Protocol

from exposure_bus.command.listing import Format
from exposure_monitor.lines.records import CsvLines, JsonLines
from exposure_monitor.lines.table import TableLines
from exposure_monitor.tapped import Tapped
from exposure_schemas import Exposure

__all__ = ["Lines", "entries_of", "lines_for"]


class Lines(Protocol):
    """A way to write."""

    @property
    def header(self) -> str | None:
        """The first line; None if there is none."""

    def line(self, tapped: Tapped, exposure: Exposure | None) -> str:
        """Return one line, without its end: an exposure of a message, or the message if it carries none."""


def lines_for(output_format: Format, *, colour: bool) -> Lines:
    """Return what writes a format; colour is for tables alone."""
    return TableLines(colour=colour) if output_format == "table" else _RECORDS[output_format]()


def entries_of(tapped: Tapped) -> Iterator[Exposure | None]:
    """Yield what gets a line: each exposure, or None once for a message that carries none."""
    yield from tapped.exposures or (None,)


_RECORDS: dict[str, type[JsonLines | CsvLines]] = {"json": JsonLines, "csv": CsvLines}
