"""``exposure-bus emulate``: play a night as ICS does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exposure_bus.command.options import settings_options
from exposure_emulator.quantities import size_in_bytes, speed_factor

if TYPE_CHECKING:
    from pathlib import Path

    from exposure_bus.settings import Settings
    from exposure_emulator import NightPlayed, TakenExposure


@click.command()
@click.argument("table")
@click.option("--data", metavar="DIR", required=True, help="Where the files go, in DIR/NIGHT/EXPID.")
@click.option(
    "--speed",
    type=speed_factor,
    metavar="X",
    default="1",
    show_default=True,
    help="How many times faster than the real night; max for no waiting.",
)
@click.option(
    "--size",
    type=size_in_bytes,
    metavar="BYTES",
    default="400kB",
    show_default=True,
    help="About how large a science exposure is, from 400kB on; DESI's have 1.4GB. Calibrations have a third.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N exposures.")
@click.option("--night", metavar="NIGHT", type=int, help="Only this night of the table; the night to make up.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, help="Other pixels, another made-up night.")
@settings_options("exposure_db_url")
def emulate(
    *,
    table: str,
    data: str,
    speed: float,
    size: int,
    limit: int | None,
    night: int | None,
    seed: int,
    settings: Settings,
) -> int:
    """Play a night as ICS does: rows, files and timing.

    TABLE is a table of exposures (CSV or ECSV), or a night such as 20230913 of those that come with DESI's own
    package (pip install --no-deps desispec==0.70.0), or "synthetic" for a made-up one.

    When the shutter opens, the row appears; a minute after it has closed (the readout), its values are complete and
    the files are written under the names, and in the format, of DESI's raw data; then the row says that the data is
    written. Stopped and started again, it goes on where it was.

    \b
    Examples:
      exposure-bus emulate 20230913 --data /tmp/raw --speed 60
      exposure-bus emulate night.ecsv --data /tmp/raw --speed max --size 2MB
      exposure-bus emulate synthetic --night 20260110 --data /tmp/raw --limit 10
    """
    from pathlib import Path

    from exposure_emulator import read_night

    exposures = read_night(table, night=night, seed=seed)[:limit]
    played, stopped_by = _play(exposures, Path(data), settings, speed=speed, size=size, seed=seed)
    return _conclude(played, exposures, data, settings, stopped_by)


def _play(
    exposures: list[TakenExposure], data: Path, settings: Settings, *, speed: float, size: int, seed: int
) -> tuple[NightPlayed, int | None]:
    """Play, and return also the number of the signal that stopped it, if one did."""
    import signal

    from exposure_bus.daemon import start_logging
    from exposure_emulator import NightPlayer
    from exposure_emulator.reporting import reporting
    from exposure_publisher import ExposureDB

    stopped_by: list[int] = []
    start_logging()
    with ExposureDB(settings.exposure_db_url) as db, reporting(len(exposures)) as report:
        player = NightPlayer(exposures, db, data, speed=speed, size=size, seed=seed, report=report)

        def stop(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
            stopped_by.append(number)
            player.stop()

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        return player.play(), stopped_by[0] if stopped_by else None


def _conclude(
    played: NightPlayed, exposures: list[TakenExposure], data: str, settings: Settings, stopped_by: int | None
) -> int:
    """Say in one line what was done; return the exit code."""
    from exposure_bus.settings import redacted

    if stopped_by is not None and played.played < played.exposures:
        click.echo(f"stopped: {played.played} of {played.exposures} exposures played; the same again goes on", err=True)
        return 128 + stopped_by
    nights = sorted({exposure.night for exposure in exposures})
    of_night = f"night {nights[0]}" if len(nights) == 1 else f"{len(nights)} nights"
    before = f" ({played.before} were there already)" if played.before else ""
    where = f"{redacted(settings.exposure_db_url)}, files in {data}"
    exposures_played = "1 exposure" if played.played == 1 else f"{played.played} exposures"
    click.echo(f"{exposures_played} of {of_night} played{before} into {where}")
    return 0
