"""``exposure-bus verify``: whether the files that are there are those of the manifests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from exposure_bus.command.options import format_option, settings_options

if TYPE_CHECKING:
    from exposure_bus.command.listing import Format
    from exposure_bus.settings import Settings
    from exposure_subscriber.cache import CacheDatabase
    from exposure_subscriber.verify import Plan, Verdict

COLUMNS = ("night", "expid", "name", "file_class", "state", "detail", "path")

TABLE_COLUMNS = ("expid", "name", "state", "detail")
"""What fits a terminal."""

_NIGHTS = click.IntRange(1900_01_01, 9999_12_31)


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False))
@click.option("--night", type=_NIGHTS, metavar="YYYYMMDD", help="Each written exposure of a night should be there.")
@click.option(
    "--class",
    "file_class",
    multiple=True,
    metavar="CLASS",
    help='Must be there, may be repeated; or "all".  [default: spectro, fibermap; without DIR --night has all]',
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Files at a time.")
@click.option("-v", "--verbose", is_flag=True, help="Show also in the table what is as it should be.")
@format_option
@settings_options("cache_url", "location_map")
def verify(
    *, settings: "Settings", output_format: "Format", folder: str | None, night: int | None, jobs: int, **asked: Any
) -> int:
    """Compare the files in DIR with the manifests in the cache: size and SHA-256. Nothing is changed.

    DIR (the present folder, unless --night is given) is where `exposure-bus files` copies to, in either layout, or
    one night or exposure of it. With --night and no DIR, files are verified where the ICS has written them. The table
    shows what is wrong, in short; json and csv have a row a file, with its path.

    \b
    Examples:
      exposure-bus verify /scratch
      exposure-bus verify /scratch --night 20230913 --class all
      exposure-bus verify --night 20230913
      exposure-bus verify /scratch --format json | jq -r 'select(.state == "differs").path'

    Exit codes: 3 if there is nothing to verify, 4 if anything is wrong or the cache may be behind.
    """
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.interface.reading import reading
    from exposure_subscriber.verify import FINE, sums

    database = open_cache(settings.cache_url)
    with reading():
        plan = _plan(database, folder, night, _classes(asked["file_class"], folder, night), settings.location_map)
        stale = _stale(database)
    verdicts = _carry_out(plan, jobs)
    _show(verdicts, output_format, verbose=asked["verbose"])
    click.echo(sums(verdicts, size=plan.size, exposures=plan.exposures), err=True)
    if stale:
        click.echo(f"exposure-bus: the cache may be behind: {stale}", err=True)
    return 4 if stale or any(verdict.state not in FINE for verdict in verdicts) else 0


def _classes(given: Sequence[str], folder: str | None, night: int | None) -> frozenset[str] | None:
    """Return of which file classes every file must be there; None for all that a manifest names."""
    from exposure_subscriber.fetch.listing import Asked

    if not given and folder is None and night is not None:
        return None
    return Asked.of(given or ("spectro", "fibermap")).classes


def _plan(
    database: "CacheDatabase",
    folder: str | None,
    night: int | None,
    classes: frozenset[str] | None,
    location_map: dict[str, str],
) -> "Plan":
    from functools import partial
    from pathlib import Path

    from exposure_bus.errors import NotThere
    from exposure_subscriber.verify import known, plan_destination, plan_locations, plan_night, written_of_night

    root, look_up = Path(folder or ".").absolute(), partial(known, database)
    if night is None:
        plan = plan_destination(root, look_up, classes)
        if not plan.exposures and not plan.settled:
            raise NotThere(f"nothing to verify: no file of an exposure is in {root}, neither flat nor in NIGHT/EXPID")
        return plan
    written = written_of_night(database, night)
    if not written.written:
        raise NotThere(f"nothing to verify: the cache has no written exposure of night {night}")
    if folder is None:
        return plan_locations(tuple(written.written.values()), location_map, classes)
    return plan_night(root, look_up, classes, written)


def _carry_out(plan: "Plan", jobs: int) -> "list[Verdict]":
    from exposure_bus.command.bar import bytes_bar
    from exposure_subscriber.verify import carry_out

    with bytes_bar("verifying", plan.size, len(plan.to_read)) as bar:
        return carry_out(plan, jobs=jobs, advance=bar.advance, file_done=bar.file_done)


def _show(verdicts: "list[Verdict]", output_format: "Format", *, verbose: bool) -> None:
    from exposure_bus.command.listing import print_rows
    from exposure_subscriber.verify import SOUND

    if output_format != "table":
        print_rows(map(_row, verdicts), COLUMNS, output_format)
    elif shown := [each for each in verdicts if verbose or each.state not in SOUND]:
        print_rows(map(_short, map(_row, shown)), TABLE_COLUMNS, output_format)


def _row(verdict: "Verdict") -> dict[str, Any]:
    """Return a row; names may have been made up by anybody, so they are shown with care."""
    from exposure_subscriber.verify.names import shown

    row = {column: getattr(verdict, column) for column in COLUMNS}
    return {column: shown(value) if isinstance(value, str) else value for column, value in row.items()}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a person, who tells two checksums apart by their first digits."""
    import re

    return row | {"detail": re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…", row["detail"] or "") or None}


def _stale(database: "CacheDatabase") -> str | None:
    from exposure_subscriber.cache.freshness import read_freshness

    freshness = read_freshness(database)
    return freshness.text if freshness.silent else None
