"""``exposure-bus VERB``: the group, its exit codes, and where a person's Ctrl-C ends."""

import importlib
import os
import sys
from typing import Any, Final

import click

from exposure_bus.command.verbs import find_verbs
from exposure_bus.command.width import help_width
from exposure_bus.errors import BusError

INTERRUPTED: Final = 130
"""128 and SIGINT, as a shell has it."""

WIDEST: Final = 100
"""Columns of a help page at most; longer lines are hard to read."""


class VerbGroup(click.Group):
    """A group that imports a verb when it is needed, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return list(_targets(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb by its entry point; None if there is none of this name."""
        target = _targets(ctx).get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command = getattr(importlib.import_module(module), name, None)
        return command if isinstance(command, click.Command) else _broken(cmd_name, target)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs that others brought; ours are told of above, without importing eleven modules for it."""
        told = {line.split()[0] for line in (self.help or "").splitlines() if line.strip()}
        others = [verb for verb in _targets(ctx) if verb not in told]
        if others:
            with formatter.section("Also installed"):
                formatter.write_text(", ".join(others))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; a reader that has seen enough (`exposure-bus tap | head`) is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what is still to be flushed
            return 0


def _broken(verb: str, target: str) -> click.Command:
    """Stand in for a verb that somebody installed wrongly: `--help` and the other verbs go on working."""

    def complain() -> None:
        raise click.ClickException(f"the verb {verb!r} names {target!r}, which is no command")

    return click.Command(verb, callback=complain)


def _targets(ctx: click.Context) -> dict[str, str]:
    """Find the verbs once a run: `--help` asks for each of them."""
    found: dict[str, str] = ctx.meta.get(__name__) or find_verbs()
    ctx.meta[__name__] = found
    return found


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exposure-bus", message="%(prog)s %(version)s")
def exposure_bus() -> None:
    """Announce every exposure over RabbitMQ, and prove that none was lost.

    \b
    ICS host:
      publish  Relay every change of the exposureDB to the bus.
      attach   Put the bus on the ICS's own table of exposures.
      detach   Take it off again, without a trace.
      load     Load tables of exposures, CSV or ECSV, into the exposureDB.
      replay   Publish the present state of exposures again.
      emulate  Play a night as ICS does: rows, files and timing.

    \b
    QLF host:
      follow   Keep this host's cache a copy of the exposureDB.
      summary  Show exposure summaries from the cache.
      files    Fetch exposures' files, verified: one's, a night's, or as they are written.
      verify   Compare the files that are there with the manifests.
      alarm    Tell ICS that something is wrong.
      audit    Prove that the cache holds what the exposureDB does; heal it where not.
      rejected Look at messages that were set aside, send them again, or drop them.
      status   Say how fresh and how complete this host's cache is.

    \b
    Anywhere:
      tap      Show what goes over the bus, one line an exposure.
      doctor   Say what is well on this host, what is not, and what to do.

    \b
    Examples:
      exposure-bus publish
      exposure-bus summary --last
      exposure-bus files 195972 --dest /scratch
      exposure-bus files --help

    Exit codes: 0 done, 1 failed, 2 used wrongly, 3 not there (yet), 4 incomplete.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code; one line on stderr says what went wrong."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    options: Any = {"standalone_mode": False, "terminal_width": help_width(WIDEST)}
    try:
        result: Any = exposure_bus.main(arguments, prog_name="exposure-bus", **options)
    except BusError as error:
        return _complain(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", INTERRUPTED)
    except OSError as error:
        return _complain(f"cannot write: {error.strerror or error}", 1)
    except ModuleNotFoundError as error:
        return _complain(_missing_extra(error), 1)
    return result if isinstance(result, int) else 0


def _complain(text: str, exit_code: int) -> int:
    click.echo(f"exposure-bus: {text}", err=True)
    return exit_code


_EXTRAS: Final = {
    "sqlalchemy": "publisher",
    "psycopg2": "publisher",
    "astropy": "emulator",
    "msgpack": "monitor",
}


def _missing_extra(error: ModuleNotFoundError) -> str:
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        raise error
    return f"this verb needs {error.name}: pip install 'exposure-bus[{extra}]'"
