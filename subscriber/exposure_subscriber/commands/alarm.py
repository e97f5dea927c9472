"""``exposure-bus alarm``: from QLF to ICS."""

from typing import Any

import click

from exposure_bus.command.options import settings_options


@click.command()
@click.argument("message")
@click.option("--level", default="EVENT", show_default=True, metavar="LEVEL", help="EVENT, WARN, ALARM or CRITICAL.")
@settings_options("broker_url", "subscriber", "cache_url")
def alarm(*, settings: Any, message: str, level: str) -> None:
    """Tell ICS that something is wrong.

    If the broker is away, the alarm is kept in the cache, and the follower sends it later.

    \b
    Examples:
      exposure-bus alarm "spectrograph 3: no arc lines found"
      exposure-bus alarm --level CRITICAL "disk of the QLF host is full"
    """
    from exposure_subscriber.interface import ICSInterface

    ics = ICSInterface(settings.cache_url, settings.broker_url, settings.subscriber)
    sent = ics.alarm(message, level.upper())
    click.echo("ICS has it" if sent else "kept in the cache; the follower sends it when the broker is back")
