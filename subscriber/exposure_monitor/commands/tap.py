"""``exposure-bus tap``: shows what goes over the bus."""

from typing import Any

import click

from exposure_bus.command.options import format_option, settings_options


@click.command()
@click.option(
    "--from",
    "start",
    default="now",
    show_default=True,
    metavar="now|first|TIMESTAMP",
    help="From now on; all that the log still has; or since a moment (ISO 8601, UTC unless it says so).",
)
@click.option(
    "--match",
    default="exposure.#",
    show_default=True,
    metavar="PATTERN",
    help="Which exposure.<written|pending>.<exptype>.<program> to show; * is one word, # any words.",
)
@click.option("--heartbeats", is_flag=True, help="Also the publisher's heartbeats, from now on.")
@click.option("--alarms", is_flag=True, help="Also QLF's alarms, from now on.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N exposures.")
@format_option
@settings_options("broker_url")
def tap(*, settings: Any, start: str, count: int | None, output_format: Any, **selection: Any) -> int:
    """Show what goes over the bus, one line an exposure, as it comes.

    It reads along: no follower gets less, and nothing stays behind at the broker. It runs until Ctrl-C or SIGTERM, and
    waits for a broker that is away.

    \b
    Examples:
      exposure-bus tap
      exposure-bus tap --match 'exposure.written.science.#'
      exposure-bus tap --from 2023-09-14T03:00 --format csv > night.csv
      exposure-bus tap --from first --match 'exposure.*.zero.#' | head
      exposure-bus tap --count 1 --format json | jq .data_location
      exposure-bus tap --heartbeats --alarms
    """
    from exposure_bus.daemon import start_logging
    from exposure_monitor.ending import Ending
    from exposure_monitor.lines import lines_for
    from exposure_monitor.lines.writing import write_lines
    from exposure_monitor.start import parse_start
    from exposure_monitor.tap import Tap

    start_logging()
    reader = Tap(settings.broker_url, start=parse_start(start), **selection)
    ending = Ending(reader)
    ending.on_signals()
    ending.when_unread()
    write_lines(reader, lines_for(output_format, colour=_wants_colour()), count)
    return ending.exit_code


def _wants_colour() -> bool:
    """Tell whether the output is a terminal whose owner has not asked for none (https://no-color.org)."""
    import os
    import sys

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
