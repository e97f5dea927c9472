"""``exposure-bus files``: exposures' files, verified."""

from typing import Any

import click

from exposure_bus.command.options import format_option, settings_options

COLUMNS = ("night", "expid", "path", "file_class", "size", "sha256")


NIGHTS = click.IntRange(1900_01_01, 9999_12_31)


@click.command()
@click.argument("expid", type=int, required=False)
@click.option(
    "--night",
    type=NIGHTS,
    metavar="YYYYMMDD",
    help="Every written exposure of a night.",
)
@click.option("--new", is_flag=True, help="Each exposure as it is written, until Ctrl-C; keeps the cache too.")
@click.option("--dest", metavar="DIR", help="Copy them here; without it, only look where they are.")
@click.option("--class", "file_class", multiple=True, metavar="CLASS", help='File class, may be repeated; or "all".')
@click.option("--layout", type=click.Choice(["flat", "desi"]), help="desi: DIR/NIGHT/EXPID.  [default: flat]")
@click.option("--no-overwrite", is_flag=True, help="Keep what is at the destination; complain if it differs.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Files at a time.")
@format_option
@settings_options("cache_url", "location_map", "broker_url", "subscriber")
def files(*, settings: Any, output_format: Any, expid: int | None, night: int | None, new: bool, **how: Any) -> int:
    """Fetch exposures' files, each verified against the manifest, or look where they are.

    With --night or --new, an exposure gives what it has of the classes asked for. --new begins with the newest night
    there is, goes on where it ended, and tries again what failed.

    \b
    Examples:
      exposure-bus files 195972                           where they are
      exposure-bus files 195972 --dest /scratch           copies spectro and fibermap
      exposure-bus files 195972 --class etc --format json
      exposure-bus files --night 20230913 --dest /scratch --layout desi --class all
      exposure-bus files --new --dest /scratch --layout desi

    Exit codes: 3 if there is no such exposure or file, or it is not written yet.
    """
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.commands import fetching

    asked = fetching.asked(expid=expid, night=night, new=new, location_map=settings.location_map, **how)
    if new:
        fetching.fetch_new(settings, asked, output_format)
        return 0
    database = open_cache(settings.cache_url)
    if night is not None:
        return fetching.fetch_night(database, asked, night, output_format)
    fetching.fetch_one(database, asked, expid, output_format)
    return 0
