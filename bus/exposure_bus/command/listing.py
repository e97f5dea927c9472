"""Listings: rows as a table for a person, as JSON lines or CSV for a program."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from exposure_bus.moments import iso

Format = Literal["table", "json", "csv"]


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], output_format: Format) -> None:
    """Write rows to standard output.

    Args:
        rows: One mapping a row.
        columns: The keys to show, in order.
        output_format: ``json`` writes one object a line, as the rows come; ``csv`` a header and a line a row;
            ``table`` gathers all rows first.
    """
    writers = {"table": _print_table, "json": _print_json, "csv": _print_csv}
    writers[output_format](rows, columns)


def as_text(value: Any) -> str:
    """Return a value as a table or a CSV shows it: None is empty, a moment is ISO 8601 with ``Z``."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value!r}" if isinstance(value, float) else str(value)


def as_json(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Return the named columns of a row as one line of JSON."""
    return json.dumps({column: row[column] for column in columns}, default=_jsonable, ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _print_json(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    for row in rows:
        sys.stdout.write(as_json(row, columns) + "\n")
    sys.stdout.flush()


def _print_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([as_text(row[column]) for column in columns] for row in rows)
    sys.stdout.flush()


def _print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 (json and csv do without its 80 ms)

    gathered = list(rows)
    # A pipe has no width: a row that is folded would be of no use to grep.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH, no_color=True)
    if len(gathered) == 1 and len(columns) > MOST_COLUMNS_OF_ONE:
        console.print(_record(gathered[0], columns))
    else:
        console.print(_grid(gathered, columns))


def _record(row: Mapping[str, Any], columns: Sequence[str]) -> Any:
    """One row of many columns reads best downwards."""
    from rich.table import Table  # noqa: PLC0415 (likewise)
    from rich.text import Text  # noqa: PLC0415 (likewise)

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for column in columns:
        table.add_row(column, Text(as_text(row[column])))
    return table


def _grid(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """Many rows, without the columns in which none of them has a value."""
    from rich.table import Table  # noqa: PLC0415 (likewise)
    from rich.text import Text  # noqa: PLC0415 (likewise)

    table = Table(box=None, pad_edge=False, header_style="bold")
    filled = [column for column in columns if not rows or any(row[column] is not None for row in rows)]
    for column in filled:
        number = all(isinstance(row[column], int | float | None) for row in rows)
        table.add_column(column, overflow="ellipsis", no_wrap=True, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(as_text(row[column])) for column in filled))
    return table


PIPE_WIDTH: Final = 10_000
MOST_COLUMNS_OF_ONE: Final = 8
"""Columns from which a single row is shown downwards."""
