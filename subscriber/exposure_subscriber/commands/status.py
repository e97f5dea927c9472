"""``exposure-bus status``: how fresh and how complete the cache is, and how long a night's exposures took."""

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import format_option, settings_options
from exposure_subscriber.commands.summary import NIGHTS

if TYPE_CHECKING:
    from exposure_bus.command.listing import Format
    from exposure_bus.settings import Settings
    from exposure_subscriber.latency import Night

_KEYS = (
    "text",
    "complete",
    "complete_up_to",
    "newest",
    "missing",
    "missing_since",
    "heard_at",
    "silent",
    "behind",
    "exposures",
    "written",
    "rejected",
    "alarms_waiting",
    "epoch",
)

_PATIENCE = 5.0
"""Seconds to wait for the publisher's word."""


@click.command()
@click.option("--night", type=NIGHTS, metavar="YYYYMMDD", help="How long its exposures took, from stage to stage.")
@format_option
@settings_options("cache_url", "broker_url", "subscriber")
def status(*, settings: "Settings", night: int | None, output_format: "Format") -> int:
    """Say how fresh and how complete this host's cache is.

    With --night, say how long the night's exposures took from stage to stage: written, numbered, published,
    confirmed, received, cached, fetched. When they were numbered and confirmed, the publisher is asked.

    \b
    Examples:
      exposure-bus status
      exposure-bus status --format json
      exposure-bus status > /dev/null || echo "something is missing"
      exposure-bus status --night 20230913

    Exit code 4 if numbers are missing, or the publisher has not been heard lately; with --night, 3 if the cache has
    no exposure of it.
    """
    if night is not None:
        _show_latency(settings, night, output_format)
        return 0
    return _show_freshness(settings.cache_url, output_format)


def _show_freshness(cache_url: str, output_format: "Format") -> int:
    from exposure_bus.command.listing import as_text, print_rows
    from exposure_subscriber.interface import ICSInterface

    state = ICSInterface(cache_url=cache_url).status()
    if output_format == "table":
        click.echo(state["text"])
        width = max(map(len, _KEYS))
        for key in _KEYS[1:]:
            click.echo(f"  {key:<{width}}  {as_text(state[key])}")
    else:
        print_rows([state], _KEYS, output_format)
    return 0 if state["complete"] else 4


def _show_latency(settings: "Settings", number: int, output_format: "Format") -> None:
    from exposure_bus.command.listing import print_rows
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.interface.reading import reading
    from exposure_subscriber.latency import COLUMNS, read_night, rows_of

    with reading():
        night = read_night(open_cache(settings.cache_url), number)
    night = _with_publisher(settings, night)
    rows = rows_of(night.passages)
    if output_format == "table":
        click.echo(_heading(night))
        rows = [
            {key: round(value, 1) if isinstance(value, float) else value for key, value in row.items()} for row in rows
        ]
    print_rows(rows, COLUMNS, output_format)


def _with_publisher(settings: "Settings", night: "Night") -> "Night":
    """Add what the publisher knows; without it, the stages that are known here are worth showing."""
    from exposure_bus.errors import BrokerError, Incomplete
    from exposure_subscriber.audit import Publisher

    if not night.passages:
        return night
    try:
        with Publisher(settings.broker_url, settings.subscriber, timeout=_PATIENCE) as publisher:
            return night.with_publisher(publisher.ask)
    except (BrokerError, Incomplete) as error:
        click.echo(f"exposure-bus: without 'numbered' and 'confirmed': {error}", err=True)
        return night


def _heading(night: "Night") -> str:
    from exposure_bus.counting import counted

    replayed = night.written - len(night.passages)
    text = f"night {night.night}: {counted(night.written, 'written exposure')}"
    return f"{text}, {replayed} of them not announced live but replayed, which has no latency" if replayed else text
