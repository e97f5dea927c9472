"""``exposure-bus detach``: no trace of the bus in the ICS's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import settings_options

if TYPE_CHECKING:
    from exposure_bus.settings import Settings


@click.command()
@settings_options("exposure_db_url")
def detach(*, settings: Settings) -> None:
    """Take the bus off the ICS's own table: triggers, view, ledger and schema.

    Their table and its rows stay as they are. Caches keep what they have, and say that nobody is heard any more.
    Attached again later, the ledger is a new one, and followers begin anew by themselves. A running
    `exposure-bus publish` waits until the bus is attached again.

    \b
    Examples:
      exposure-bus detach
      exposure-bus detach --exposure-db-url postgresql://owner@db/desi
    """
    from exposure_bus.settings import redacted
    from exposure_publisher.attach import Outcome
    from exposure_publisher.attach import detach as detach_from

    outcome = detach_from(settings.exposure_db_url)
    where = redacted(settings.exposure_db_url)
    if outcome is Outcome.NOTHING:
        click.echo(f"nothing of the bus is in {where}")
        return
    click.echo(f"detached: nothing of the bus is left in {where}")
    if outcome is Outcome.DETACHED_IN_USE:
        click.echo("exposure-bus: others have the file open, so it stays in WAL mode", err=True)
