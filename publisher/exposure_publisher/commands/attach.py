"""``exposure-bus attach``: the bus on a table of exposures that somebody else writes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import settings_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exposure_bus.settings import Settings
    from exposure_publisher.ledger import Ledger, LedgerState

PAGE = 2000
"""Exposures that are numbered in one transaction."""

LOOK = 0.5
"""Seconds between two looks at how far a relay is that numbers them."""


@click.command()
@click.option("--table", metavar="TABLE", help="Their table, with its schema if it has one.")
@click.option("--profile", metavar="NAME", help="How their columns are mapped: desi, or [attach] of the settings file.")
@click.option("--dry-run", is_flag=True, help="Print the SQL, and change nothing.")
@settings_options("exposure_db_url")
def attach(*, settings: Settings, table: str | None, profile: str | None, dry_run: bool) -> None:
    """Attach the bus to the ICS's own table of exposures, whose writers know nothing of it.

    Beside their table come a ledger and a view of ours (on PostgreSQL in a schema of their own, exposure_bus), and on
    it triggers that write down which exposure has changed. Rows that are there already get their numbers, page by page,
    so that followers heal into the whole history; interrupted, that goes on when this or `exposure-bus publish` runs
    again. Attaching twice changes nothing; with another mapping, it changes the mapping.

    It runs with the rights of the table's owner, who may create a schema; what `publish` needs is less
    (docs/attach.md). It waits for a moment in which nobody writes, and lets nobody wait for more than a tenth of a
    second.

    \b
    Examples:
      exposure-bus attach --table exposure.exposure --profile desi --dry-run
      exposure-bus attach --table exposure.exposure --profile desi --exposure-db-url postgresql://owner@db/desi
      exposure-bus attach --config site.toml

    \b
    A mapping in the settings file, here laid on a profile:
      [attach]
      table = "exposure.exposure"
      profile = "desi"
      where = "NOT coalesce(discard, false)"
      [attach.columns]
      exptype = "lower(obstype)"
      [attach.none]
      seeing = [-99, 0]
    """
    from exposure_bus.errors import UsageError
    from exposure_publisher.attach import attach as attach_to
    from exposure_publisher.attach import mapping_of, script

    name = table or settings.attach.table
    if not name:
        raise UsageError("attach needs --table, or `table` under [attach] in the settings file")
    mapping = mapping_of(settings.attach, profile)
    if dry_run:
        click.echo(script(settings.exposure_db_url, name, mapping), nl=False)
        return
    outcome = attach_to(settings.exposure_db_url, name, mapping, _say_that_we_wait(name))
    _number(settings.exposure_db_url)
    click.echo(f"{name}: {outcome.value}; every exposure has a number. `exposure-bus publish` relays it.")


def _say_that_we_wait(name: str) -> Callable[[], None]:
    import itertools

    counter = itertools.count()

    def say() -> None:
        if next(counter) == 0:
            click.echo(f"exposure-bus: waiting for a moment in which nobody writes {name}", err=True)

    return say


def _number(url: str) -> None:
    """Number what was there before, or is other than it was."""
    from exposure_bus.command.bar import counting_bar
    from exposure_publisher.ledger import Selection, open_ledger

    with closing(open_ledger(url)) as ledger, counting_bar("exposures numbered") as show:
        before, total = ledger.state().newest, ledger.count(Selection())
        for state in _pages(url, ledger):
            show(state.newest - before, total.numbered + total.unnumbered)


def _pages(url: str, ledger: Ledger) -> Iterator[LedgerState]:
    """Number page by page; where a relay leads, it does that, and this waits."""
    import time

    from exposure_publisher.errors import AnotherRelay
    from exposure_publisher.relay.leadership import lead

    state = ledger.state()
    while state.refilling:
        try:
            leadership = lead(url)
        except AnotherRelay:
            time.sleep(LOOK)
            state = ledger.state()
            yield state
            continue
        with closing(leadership):
            while state.refilling:
                _, state = ledger.refill(PAGE)
                yield state
