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
def files(*, settings: Any, output_format: Any, expid: int, file_class: tuple[str, ...], **where: Any) -> None:
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
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.interface.files import files_of, written_exposure
    from exposure_subscriber.interface.reading import reading

    classes = file_class or ("spectro", "fibermap")
    database = open_cache(settings.cache_url)
    with reading(), _bar(written_exposure(database, expid), classes) as progress:
        found = files_of(
            database,
            expid,
            dest=where["dest"],
            file_class=classes,
            overwrite=not where["no_overwrite"],
            location_map=settings.location_map,
            progress=progress,
        )
    rows = [
        {"path": str(file.path), "file_class": file.file_class, "size": file.size, "sha256": file.sha256}
        for file in found.files
    ]
    print_rows(rows, ("path", "file_class", "size", "sha256"), output_format)


def _bar(exposure: Any, classes: tuple[str, ...]) -> Any:
    """Show bytes and rate on a terminal; nothing elsewhere."""
    import sys
    from contextlib import nullcontext

    from exposure_schemas import InvalidValue, classes_asked

    try:
        asked = classes_asked(classes)
    except InvalidValue:
        return nullcontext(None)  # the fetch says what is wrong
    total = sum(file.size for file in exposure.files or () if file.file_class in asked)
    return _shown_bar(exposure.expid, total) if sys.stderr.isatty() and total else nullcontext(None)


def _shown_bar(expid: int, total: int) -> Any:
    from collections.abc import Callable, Iterator
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    @contextmanager
    def bar() -> Iterator[Callable[[int], None]]:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress("{task.description}", *columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"exposure {expid}", total=total)
            yield lambda count: progress.advance(task, count)

    return bar()
