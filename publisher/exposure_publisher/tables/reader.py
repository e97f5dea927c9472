"""`ExposureTable`: a file's rows as typed values of the exposureDB's columns, or what is wrong with them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from exposure_publisher.tables.aliases import ALIASES, Source, sources_of
from exposure_publisher.tables.errors import UnreadableTable
from exposure_publisher.tables.layout import Watch, records
from exposure_publisher.tables.times import night_of

_LONGEST_SHOWN: Final = 40


class Row(NamedTuple):
    """A row that can be used."""

    line: int
    """Line of the file at which it begins, from 1."""
    values: dict[str, Any]
    """The keys that the table speaks of, and always ``expid`` and ``night``; the same keys in every row."""


class BadRow(NamedTuple):
    """A row that cannot be used."""

    line: int
    """Line of the file at which it begins, from 1."""
    reason: str
    """Which column holds what, and what would do."""


class ExposureTable:
    """A table of exposures in a CSV or ECSV file; rows are read one by one, however long the file is.

    Args:
        path: The file: UTF-8, names of columns first. Which names mean what is in `ALIASES`; others are ignored.

    Raises:
        UnreadableTable: It is no such table, or has no expid, or neither a night nor a date.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._header = self._read_header()
        self.size = path.stat().st_size
        """Bytes of the file when it was opened."""
        sources = sources_of(self._header)
        if "expid" not in sources:
            raise UnreadableTable(self._lacks("no column with the exposure number", "expid"))
        if "night" not in sources and "date" not in sources:
            raise UnreadableTable(self._lacks("neither a night nor a date", "night", "date"))
        self._masks = tuple(_masks(self._header))
        self._plan = tuple((key, sources.get(key, ())) for key in ALIASES if key in sources or key == "night")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that every row has."""
        return tuple(key for key, _ in self._plan)

    def rows(self, watch: Watch | None = None) -> Iterator[Row | BadRow]:
        """Read the file from its beginning and yield every row, good or bad.

        Args:
            watch: Called now and then with how many bytes have been read.

        Raises:
            UnreadableTable: The text breaks off, or can no longer be read.
        """
        with closing(records(self.path, watch)) as all_records:
            next(all_records, None)  # the header
            for line, fields in all_records:
                yield self._row(line, fields)

    def _read_header(self) -> list[str]:
        with closing(records(self.path)) as all_records:
            for _, fields in all_records:
                return fields
        raise UnreadableTable(f"{self.path} has no line with the names of its columns")

    def _lacks(self, what: str, *keys: str) -> str:
        wanted = ", ".join(alias for key in keys for alias in ALIASES[key])
        found = ", ".join(name[:_LONGEST_SHOWN] for name in self._header[:20])
        return f"{self.path} has {what} (any of {wanted}); its columns are {found}"

    def _row(self, line: int, fields: list[str]) -> Row | BadRow:
        if len(fields) != len(self._header):
            return BadRow(line, f"it has {len(fields)} values, the header names {len(self._header)} columns")
        for place, mask in self._masks:
            if fields[mask] == "True":
                fields[place] = ""
        values: dict[str, Any] = {}
        try:
            for key, sources in self._plan:
                values[key] = _first(sources, fields)
        except _WrongCell as wrong:
            return BadRow(line, str(wrong))
        return _with_night(line, values)


class _WrongCell(ValueError):
    """A cell whose text is not what its column holds."""


def _first(sources: Sequence[Source], fields: Sequence[str]) -> Any:
    """Return the value of the first column that says anything, or None."""
    for place, name, convert in sources:
        text = fields[place].strip()
        try:
            value = convert(text)
        except ValueError as error:
            shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
            raise _WrongCell(f"{name.strip()} is {shown!r}: {error}") from error
        if value is not None:
            return value
    return None


def _with_night(line: int, values: dict[str, Any]) -> Row | BadRow:
    if values["night"] is None:
        moment = values.get("date")
        if moment is None:
            return BadRow(line, "it has neither a night nor a date: write its night, YYYYMMDD")
        values["night"] = night_of(moment)
    return Row(line, values)


def _masks(header: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield which column is masked by which: astropy may write ``NAME.mask`` beside ``NAME``."""
    places = {name: place for place, name in enumerate(header)}
    for name, place in places.items():
        if f"{name}.mask" in places:
            yield place, places[f"{name}.mask"]
