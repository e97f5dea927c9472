"""``exposure-bus doctor``: what is well on this host, what is not, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import format_option, settings_options

if TYPE_CHECKING:
    from exposure_bus.command.listing import Format
    from exposure_bus.doctor import Finding, Host
    from exposure_bus.settings import Settings

_SETTINGS = ("broker_url", "exposure_db_url", "cache_url", "subscriber", "location_map")


@click.command()
@format_option
@settings_options(*_SETTINGS)
def doctor(*, settings: Settings, output_format: Format) -> int:
    """Say what is well on this host, what is not, and what to do about it.

    It looks at what is installed, the settings and where each comes from, the broker and what waits there, the
    exposureDB and the cache. A part that this host does not have is `not here`, and no failure. Nothing is changed.

    \b
    Examples:
      exposure-bus doctor
      exposure-bus doctor --format json | jq 'select(.outcome == "failed")'
      exposure-bus doctor --broker-url amqp://qlf@mq1 --subscriber qlf2

    Exit codes: 1 if something failed, else 4 if the cache is incomplete or stale, else 0.
    """
    from dataclasses import asdict

    from exposure_bus.command.listing import print_rows
    from exposure_bus.daemon import start_logging
    from exposure_bus.doctor import exit_code, sums

    start_logging()
    findings = _examine(_host(settings))
    print_rows(map(asdict, findings), ("check", "outcome", "finding", "advice"), output_format)
    if output_format == "table":
        click.echo(f"\n{sums(findings)}")
    return exit_code(findings)


def _host(settings: Settings) -> Host:
    from pathlib import Path

    from exposure_bus.doctor import Host
    from exposure_bus.settings import setting_sources

    flags = click.get_current_context().params
    config = flags["config"]
    own = {name: flags[name] for name in _SETTINGS}
    return Host(settings=settings, sources=setting_sources(own, Path(config) if config else None))


def _examine(host: Host) -> list[Finding]:
    """Run the checks; an address that does not answer takes seconds, so a terminal shows that something is going on."""
    import sys

    from exposure_bus.doctor import examine

    if not sys.stderr.isatty():
        return list(examine(host))
    from rich.console import Console

    with Console(stderr=True).status("examining this host"):
        return list(examine(host))
