"""``exposure-bus load``: tables of exposures into the exposureDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import format_option, settings_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exposure_bus.command.listing import Format
    from exposure_bus.settings import Settings
    from exposure_publisher.tables import Check, ExposureTable


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option(
    "--data-root",
    metavar="DIR",
    help="The files of these exposures are all on disk, in DIR/NIGHT/EXPID: mark them as written.",
)
@click.option("--dry-run", is_flag=True, help="Check the tables and write nothing.")
@format_option
@settings_options("exposure_db_url")
def load(
    *, files: tuple[str, ...], data_root: str | None, dry_run: bool, output_format: Format, settings: Settings
) -> None:
    """Load tables of exposures, CSV or ECSV, into the exposureDB.

    Every row is checked first. If one is bad, all bad ones are listed and nothing is loaded; otherwise all rows are
    written in one transaction. An exposure that is there already is updated in the columns that the table has, so
    loading a table twice is the same as loading it once.

    Columns are found by the names that DESI's own tables have for them, such as MJD-OBS, TARGTRA or OBSTYPE;
    others are left alone.

    \b
    Examples:
      exposure-bus load exposure_table_20230913.csv
      exposure-bus load --data-root /data/desi exposure_table_*.csv
      exposure-bus load --dry-run --format json night.ecsv
    """
    from pathlib import Path

    from exposure_bus.settings import redacted
    from exposure_publisher.tables import ExposureTable, check_tables

    tables = [ExposureTable(Path(file)) for file in files]
    found = check_tables(tables)
    _refuse_bad_rows(tables, found, output_format)
    if not dry_run:
        _load(tables, settings.exposure_db_url, data_root)
    done = "would be loaded into" if dry_run else "loaded into"
    # A program that asked for json or csv reads bad rows there, and nothing else.
    click.echo(f"{_sum(found)} {done} {redacted(settings.exposure_db_url)}", err=output_format != "table")


def _refuse_bad_rows(tables: Sequence[ExposureTable], found: Sequence[Check], output_format: Format) -> None:
    from exposure_bus.command.listing import print_rows
    from exposure_publisher.tables import BadRows

    bad = sum(each.bad_rows for each in found)
    if not bad:
        return
    listed = [
        {"file": str(table.path), "line": row.line, "reason": row.reason}
        for table, each in zip(tables, found, strict=True)
        for row in each.bad
    ]
    print_rows(listed, ("file", "line", "reason"), output_format)
    unlisted = f" (the first {len(listed)} are listed)" if len(listed) < bad else ""
    verb = "row is" if bad == 1 else "rows are"
    raise BadRows(f"{bad} of {sum(each.rows for each in found)} {verb} bad{unlisted}; nothing was loaded")


def _load(tables: Sequence[ExposureTable], url: str, data_root: str | None) -> None:
    from exposure_publisher import ExposureDB
    from exposure_publisher.tables import load_tables

    with ExposureDB(url) as db:
        load_tables(tables, db, data_root=data_root)


def _sum(found: Sequence[Check]) -> str:
    """Say how many exposures of which nights there are."""
    rows = sum(each.rows for each in found)
    nights = sorted(frozenset[int]().union(*(each.nights for each in found)))
    exposures = "1 exposure" if rows == 1 else f"{rows} exposures"
    if len(nights) > 1:
        return f"{exposures} of {len(nights)} nights ({nights[0]} to {nights[-1]})"
    return f"{exposures} of night {nights[0]}" if nights else exposures
