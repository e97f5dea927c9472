"""``exposure-bus audit``: proof that the cache holds what the exposureDB does."""

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import format_option, settings_options
from exposure_subscriber.commands.summary import NIGHTS

if TYPE_CHECKING:
    from exposure_bus.command.listing import Format
    from exposure_bus.settings import Settings
    from exposure_subscriber.audit import Audit, Proof
    from exposure_subscriber.cache import CacheDatabase


@click.command()
@click.option(
    "--night", type=NIGHTS, metavar="YYYYMMDD", help="Report each exposure of this night; default: compare all."
)
@click.option("--heal", is_flag=True, help="Bring back what is missing or wrong, and drop what the exposureDB has not.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for the publisher's word, longer while it answers others first, and for healing.",
)
@format_option
@settings_options("broker_url", "cache_url", "subscriber")
def audit(*, settings: "Settings", night: int | None, heal: bool, timeout: float, output_format: "Format") -> int:
    """Prove that this host's cache holds what the exposureDB does.

    The publisher is asked, over the bus, for a digest of each night: how many exposures, and a hash of the state of
    each. Where it is not that of the cache, each exposure of the night is compared and each difference named. With
    --night, each exposure of it is reported: in the exposureDB, announced, received, fetched, verified.

    \b
    Examples:
      exposure-bus audit
      exposure-bus audit --heal
      exposure-bus audit --night 20230913
      exposure-bus audit --night 20230913 --format json | jq 'select(.verdict != "ok")'

    Exit code 4 if anything is missing, differs or is not announced yet, or if the publisher does not answer.
    """
    from exposure_subscriber.audit import Audit, Publisher
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.interface.reading import reading

    cache = open_cache(settings.cache_url)
    with reading(), Publisher(settings.broker_url, settings.subscriber, timeout=timeout, busy=_say_busy) as publisher:
        mine = Audit(cache, publisher.ask)
        proof = _prove(mine, night)
        if heal and proof.wrong:
            _heal(cache, proof, timeout)
            proof = _prove(mine, night)
    _show(cache, proof, output_format, whole=night is not None)
    return 4 if proof.wrong else 0


def _say_busy() -> None:
    click.echo("exposure-bus: the publisher answers others first: waiting for our turn", err=True)


def _prove(mine: "Audit", night: int | None) -> "Proof":
    from exposure_bus.command.bar import counting_bar

    if night is not None:
        return mine.night(night)
    with counting_bar("nights that differ") as progress:
        return mine.all_nights(progress)


def _heal(cache: "CacheDatabase", proof: "Proof", timeout: float) -> None:
    from exposure_subscriber.audit.healing import mark, wait_until_healed

    healable = [each for each in proof.wrong if each.verdict != "not announced"]
    if not healable:
        return
    mark(cache, healable)
    click.echo(f"exposure-bus: healing {len(healable)} exposures: waiting for the follower", err=True)
    if not wait_until_healed(cache, proof.newest, timeout):
        click.echo(
            f"exposure-bus: not healed within {timeout:g} s: is `exposure-bus follow` running? It asks for what is "
            "marked as soon as it does",
            err=True,
        )


def _show(cache: "CacheDatabase", proof: "Proof", output_format: "Format", *, whole: bool) -> None:
    from exposure_bus.command.listing import print_rows
    from exposure_subscriber.audit.report import COLUMNS, DIFFERENCE_COLUMNS, difference_rows, report_rows

    rows = report_rows(cache, proof) if whole else difference_rows(proof.wrong)
    columns = COLUMNS if whole else DIFFERENCE_COLUMNS
    if output_format != "table":
        print_rows(rows, columns, output_format)
        return
    if rows:
        print_rows(rows, columns, output_format)
    click.echo(_summary(proof))


def _summary(proof: "Proof") -> str:
    from collections import Counter
    from datetime import UTC, datetime

    from exposure_bus.counting import counted

    what = f"{counted(proof.exposures, 'exposure')} in {counted(proof.nights, 'night')}"
    at = f"at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}, up to number {proof.newest}"
    if not proof.wrong:
        return f"{what} agree with the exposureDB, {at}"
    kinds = Counter(str(each.verdict) for each in proof.wrong)
    named = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"{what}: {named}, {at}"
