"""``exposure-bus summary``: exposure summaries out of the cache."""

from datetime import datetime
from typing import Any

import click

from exposure_bus.command.options import format_option, settings_options

NIGHTS = click.IntRange(1900_01_01, 9999_12_31)


@click.command()
@click.argument("expid", type=int, required=False)
@click.option("--last", is_flag=True, help="The exposure with the highest expid.")
@click.option("--newest", is_flag=True, help="The exposure whose data was written last.")
@click.option("--expid", "expid_range", type=int, nargs=2, metavar="LOW HIGH", help="A range of expids.")
@click.option("--date", "date_range", nargs=2, metavar="LOW HIGH", help="Data written between, ISO 8601, UTC.")
@click.option("--night", type=NIGHTS, metavar="YYYYMMDD", help="A night.")
@click.option("--pending", is_flag=True, help="Also exposures whose data is not all on disk yet.")
@format_option
@settings_options("cache_url")
def summary(*, settings: Any, output_format: Any, pending: bool, **asked: Any) -> int:
    """Show exposure summaries from the cache.

    \b
    Examples:
      exposure-bus summary 195972
      exposure-bus summary --last
      exposure-bus summary --night 20230913 --format csv
      exposure-bus summary --date 2023-09-14T03:00 2023-09-14T04:00 --pending --format json

    Exit codes: 3 if there is no such exposure (or it is not written yet), 4 if the cache may be behind.
    """
    from exposure_bus.command.listing import print_rows
    from exposure_schemas import SUMMARY_KEYS
    from exposure_subscriber.interface import ICSInterface

    ics = ICSInterface(cache_url=settings.cache_url)
    with _stale_warnings() as warned:
        rows = _ask(ics, asked, written=not pending)
    if rows:
        print_rows(rows, SUMMARY_KEYS, output_format)
    else:
        click.echo(_nothing(ics, asked, pending), err=True)
    for text in warned:
        click.echo(f"exposure-bus: the cache may be behind: {text}", err=True)
    return 4 if warned else 0 if rows else 3


def _ask(ics: Any, asked: dict[str, Any], *, written: bool) -> list[dict[str, Any]]:
    from exposure_bus.errors import UsageError

    given = [name for name, value in asked.items() if value not in {None, False, ()}]
    if len(given) != 1:
        raise UsageError("say which: EXPID, --last, --newest, --expid, --date or --night, one of them")
    if asked["night"]:
        return list(ics.get_night_summary(asked["night"], require_data_written=written))
    ranges: dict[str, Any] = {
        "expid": {"expid_range": (asked["expid"], None)},
        "last": {"expid_range": "last"},
        "newest": {"date_range": "last"},
        "expid_range": {"expid_range": asked["expid_range"]},
    }
    chosen = ranges.get(given[0]) or {"date_range": tuple(map(_moment, asked["date_range"]))}
    return list(ics.get_exposure_summary(**chosen, require_data_written=written))


def _moment(text: str) -> datetime:
    from exposure_bus.errors import UsageError

    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--date {text!r} is no ISO 8601 date, such as 2023-09-14T03:00:00Z") from error


def _stale_warnings() -> Any:
    """Catch the cache's warnings, to say them after the listing."""
    import warnings
    from collections.abc import Iterator
    from contextlib import contextmanager

    from exposure_subscriber.errors import StaleCacheWarning

    @contextmanager
    def catch() -> Iterator[list[str]]:
        texts: list[str] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", StaleCacheWarning)
            yield texts
        texts.extend(str(warning.message) for warning in caught)

    return catch()


def _nothing(ics: Any, asked: dict[str, Any], pending: bool) -> str:
    waiting = 0 if pending else len(_ask(ics, asked, written=False))
    hint = f" ({waiting} not yet written: add --pending to see)" if waiting else ""
    return f"exposure-bus: no such exposure in the cache{hint}"
