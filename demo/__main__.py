"""``python demo``, or ``make demo``: play a real night through everything, and compare both ends."""

import os
import sys
import time
from typing import Final

import click

from errors import DemoError, ProcessEnded, TookTooLong
from evidence import gather
from latency import Latency
from night import Night, find_night
from places import Places, places
from private_servers import ServerError
from report import report, title
from screen import open_screen
from servers import Kind, named_broker
from stage import SPEED, stage
from stopping import Stopped, stoppable
from verdict import judge

_KEEP_VARIABLE: Final = "KEEP"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--database",
    type=click.Choice(["sqlite", "postgresql"]),
    default="sqlite",
    show_default=True,
    help="What exposureDB and cache are; postgresql: in a private cluster.",
)
@click.option(
    "--night", metavar="NIGHT", type=int, default=20230913, show_default=True, help="A night of DESI's package."
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N exposures.")
def demo(*, database: Kind, night: int, limit: int | None) -> None:
    """Play a real night of DESI through everything, and compare both ends.

    A RabbitMQ node, the relay, the follower, a tap, QLF, and an emulator of the ICS run as processes of their own.
    In the end each exposure in the exposureDB must have been announced, cached, given to QLF once, and its files
    fetched, bit by bit. Nothing is left behind.

    \b
    Examples:
      make demo
      python demo --database postgresql
      python demo --night 20210511 --limit 20
      KEEP=/tmp/night python demo        keep the logs, databases and files there

    \b
    Environment:
      KEEP                     a folder, new or empty, in which everything is kept
      EXPOSURE_BUS_BROKER_URL  a broker that runs already, instead of a private one; the
                               demo announces to all who listen there, so give it a
                               virtual host of its own

    Exit codes: 0 both ends agree, 1 they do not or something failed, 2 used wrongly.
    """  # noqa: D301 (\\b is click's mark for lines that stay as they are)
    sys.exit(_exit_code(database, night, limit))


def _exit_code(database: Kind, night: int, limit: int | None) -> int:
    """Play the demo, whatever comes, and say in plain words what went wrong."""
    keep = os.environ.get(_KEEP_VARIABLE) or None
    kept = f"everything is kept in {keep}" if keep else f"{_KEEP_VARIABLE}=DIR keeps all logs, databases and files"
    try:
        with stoppable():
            played, named = find_night(night, limit), named_broker()
            with places(keep) as here:
                agree = _play(here, database, played, named)
    except Stopped as stopped:
        return _complain(f"stopped by {stopped}", stopped.exit_code)
    except (ProcessEnded, TookTooLong, ServerError) as error:
        return _complain(f"{error}\n{kept}", 1)
    except DemoError as error:
        return _complain(str(error), error.exit_code)
    if keep or not agree:
        click.echo(kept)
    return 0 if agree else 1


def _complain(text: str, exit_code: int) -> int:
    click.echo(f"demo: {text}", err=True)
    return exit_code


def _play(here: Places, database: Kind, night: Night, named: str | None) -> bool:
    """Play a night and print the verdict; return whether both ends agree."""
    began, screen = time.monotonic(), open_screen()
    screen.show(title(night, SPEED))
    with stage(here, database, named, screen) as ready:
        ready.play(night, screen)
        with screen.step("both ends compared"):
            evidence = gather(here, ready.database, night.expids, ready.processes.exit_codes)
            checks = judge(evidence)
    screen.show(report(checks, Latency.of_calls(evidence.rows, evidence.called), time.monotonic() - began))
    return not any(check.disagreements for check in checks)


if __name__ == "__main__":
    demo()
