"""``exposure-bus status``: how fresh and how complete the cache is."""

from typing import Any

import click

from exposure_bus.command.options import format_option, settings_options

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


@click.command()
@format_option
@settings_options("cache_url")
def status(*, settings: Any, output_format: Any) -> int:
    """Say how fresh and how complete this host's cache is.

    \b
    Examples:
      exposure-bus status
      exposure-bus status --format json
      exposure-bus status > /dev/null || echo "something is missing"

    Exit code 4 if numbers are missing, or the publisher has not been heard lately.
    """
    from exposure_bus.command.listing import as_text, print_rows
    from exposure_subscriber.interface import ICSInterface

    state = ICSInterface(cache_url=settings.cache_url).status()
    if output_format == "table":
        click.echo(state["text"])
        width = max(map(len, _KEYS))
        for key in _KEYS[1:]:
            click.echo(f"  {key:<{width}}  {as_text(state[key])}")
    else:
        print_rows([state], _KEYS, output_format)
    return 0 if state["complete"] else 4
