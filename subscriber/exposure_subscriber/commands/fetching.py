"""What ``exposure-bus files`` does: one exposure, a night, or each as it is written."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from exposure_bus.command.bar import Bar, bytes_bar
from exposure_bus.command.listing import Format, as_json, print_rows
from exposure_bus.daemon import start_logging, stop_on_signal
from exposure_bus.errors import UsageError
from exposure_bus.settings import Settings
from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.cache.fetched import note_fetched
from exposure_subscriber.cache.reading import exposures
from exposure_subscriber.commands.files import COLUMNS
from exposure_subscriber.errors import FetchError, NoSuchExposure
from exposure_subscriber.fetch import Fetching, FilePath
from exposure_subscriber.fetch.layout import FLAT, LAYOUTS
from exposure_subscriber.interface.files import written_exposure
from exposure_subscriber.interface.reading import reading
from exposure_subscriber.mirror import Mirror
from exposure_subscriber.mirror.following import following

log = logging.getLogger(__name__)

USUAL = ("spectro", "fibermap")
"""The file classes that are fetched unless others are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    fetching: Fetching
    dest: Path | None
    layout: str

    def place(self, exposure: Exposure) -> Path | None:
        """Return the folder of an exposure's files; None if nothing is copied."""
        return None if self.dest is None else LAYOUTS[self.layout](self.dest, exposure)

    def bar(self, what: str, *written: Exposure) -> AbstractContextManager[Bar]:
        """Show how far the fetch of some exposures is, by what their manifests promise."""
        classes = self.fetching.asked.classes
        sizes = [file.size for each in written for file in each.files or () if file.file_class in classes]
        return bytes_bar(what, sum(sizes), len(sizes))

    def fetch(self, exposure: Exposure, bar: Bar) -> FilePath:
        """Fetch an exposure's files; raises as `Fetching.fetch`."""
        return self.fetching.fetch(exposure, self.place(exposure), bar.advance, bar.file_done)


def asked(*, expid: int | None, night: int | None, new: bool, **how: Any) -> Asked:
    """Read the command line.

    Raises:
        UsageError: It asks for nothing, for two things, or for what makes no sense without a destination.
        UnknownFileClass: There is no such class.
    """
    if [expid is not None, night is not None, new].count(True) != 1:
        raise UsageError("say which: EXPID, --night or --new, one of them")
    for flag, given in (("--new", new), ("--layout", how["layout"]), ("--no-overwrite", how["no_overwrite"])):
        if given and not how["dest"]:
            raise UsageError(f"{flag} needs a destination: add --dest DIR")
    fetching = Fetching.of(
        how["file_class"] or USUAL,
        if_there=expid is None,
        overwrite=not how["no_overwrite"],
        location_map=how["location_map"],
        jobs=how["jobs"],
    )
    dest = Path(how["dest"]).resolve() if how["dest"] else None
    return Asked(fetching=fetching, dest=dest, layout=how["layout"] or FLAT)


def fetch_one(database: CacheDatabase, asked: Asked, expid: int | None, output_format: Format) -> None:
    """Fetch one exposure's files and list them; raises as `Fetching.fetch`."""
    with reading():
        exposure = written_exposure(database, expid or 0)
    with asked.bar(f"exposure {exposure.expid}", exposure) as bar:
        found = _fetch_and_note(database, asked, exposure, bar)
    print_rows(rows_of(exposure, found), COLUMNS, output_format)


def fetch_night(database: CacheDatabase, asked: Asked, night: int, output_format: Format) -> int:
    """Fetch the files of a night's written exposures and list them; one that fails does not keep the others.

    Returns:
        The exit code: 1 if one failed, as its line on stderr says.
    """
    with reading():
        written = exposures(database, "WHERE night = ? AND data_written = 1 ORDER BY expid", (night,))
    if not written:
        raise NoSuchExposure(f"the cache has no written exposure of night {night}")
    failed: list[int] = []
    with asked.bar(f"night {night}", *written) as bar:
        print_rows(_rows_of_night(database, asked, written, bar, failed), COLUMNS, output_format)
    if failed:
        click.echo(f"exposure-bus: {len(failed)} of {len(written)} exposures failed", err=True)
    return 1 if failed else 0


def fetch_new(settings: Settings, asked: Asked, output_format: Format) -> None:
    """Fetch each exposure's files as it is written, until the process is told to end; keep the cache meanwhile."""
    start_logging()
    stop_on_signal(lambda: sys.exit(0))

    def fetch(exposure: Exposure) -> FilePath:
        began = time.monotonic()
        with asked.bar(f"exposure {exposure.expid}", exposure) as bar:
            found = asked.fetch(exposure, bar)
        _say_fetched(exposure, found, time.monotonic() - began, output_format)
        return found

    mirror = Mirror(open_cache(settings.cache_url), asked.dest or Path(), fetch)
    with following(settings.broker_url, settings.subscriber, settings.cache_url):
        mirror.run()


def rows_of(exposure: Exposure, found: FilePath) -> list[dict[str, Any]]:
    """Return the rows of a listing."""
    return [
        {
            "night": exposure.night,
            "expid": exposure.expid,
            "path": str(file.path),
            "file_class": file.file_class,
            "size": file.size,
            "sha256": file.sha256,
        }
        for file in found.files
    ]


def _fetch_and_note(database: CacheDatabase, asked: Asked, exposure: Exposure, bar: Bar) -> FilePath:
    found = asked.fetch(exposure, bar)
    if asked.dest is not None:
        note_fetched(database, exposure, found)
    return found


def _rows_of_night(
    database: CacheDatabase, asked: Asked, written: list[Exposure], bar: Bar, failed: list[int]
) -> Iterator[dict[str, Any]]:
    for exposure in written:
        try:
            found = _fetch_and_note(database, asked, exposure, bar)
        except FetchError as error:
            failed.append(exposure.expid)
            click.echo(f"exposure-bus: exposure {exposure.expid}: {error}", err=True)
        else:
            yield from rows_of(exposure, found)


def _say_fetched(exposure: Exposure, found: FilePath, seconds: float, output_format: Format) -> None:
    if output_format == "json":
        for row in rows_of(exposure, found):
            click.echo(as_json(row, COLUMNS))
        return
    size = sum(file.size for file in found.files)
    log.info(
        "exposure %d of %d: %d files, %.1f MB in %.2f s, verified, in %s",
        exposure.expid,
        exposure.night,
        len(found.files),
        size / 1e6,
        seconds,
        found,
    )
