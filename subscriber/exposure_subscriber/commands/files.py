"""``exposure-bus files``: an exposure's files, verified."""

from typing import Any

import click

from exposure_bus.command.options import format_option, settings_options


@click.command()
@click.argument("expid", type=int)
@click.option("--dest", metavar="DIR", help="Copy them here; without it, only look where they are.")
@click.option("--class", "file_class", multiple=True, metavar="CLASS", help='File class, may be repeated; or "all".')
@click.option("--no-overwrite", is_flag=True, help="Keep what is at the destination; complain if it differs.")
@format_option
@settings_options("cache_url", "location_map")
def files(
    *, settings: Any, output_format: Any, expid: int, dest: str | None, file_class: tuple[str, ...], no_overwrite: bool
) -> None:
    """Fetch the files of an exposure, each verified against the manifest, or look where they are.

    \b
    Examples:
      exposure-bus files 195972                           where they are
      exposure-bus files 195972 --dest /scratch           copies spectro and fibermap
      exposure-bus files 195972 --dest /scratch --class all
      exposure-bus files 195972 --class etc --format json

    Exit codes: 3 if there is no such exposure or file, or it is not written yet.
    """
    from exposure_bus.command.listing import print_rows
    from exposure_subscriber.interface import ICSInterface

    ics = ICSInterface(cache_url=settings.cache_url, location_map=settings.location_map)
    found = ics.get_exposure_files(expid, dest, file_class or ("spectro", "fibermap"), not no_overwrite)
    rows = [
        {"path": str(file.path), "file_class": file.file_class, "size": file.size, "sha256": file.sha256}
        for file in found.files
    ]
    print_rows(rows, ("path", "file_class", "size", "sha256"), output_format)
