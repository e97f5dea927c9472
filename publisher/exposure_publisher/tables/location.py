"""Where the files of an exposure lie: NIGHT/EXPID under a root, as in DESI's raw data."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def data_location(root: str, night: int, expid: int) -> str:
    """Return the folder, or the URL, of an exposure's files.

    Args:
        root: A folder, or a URL such as ``rsync://host/data``.
        night: YYYYMMDD.
        expid: Exposure number; eight digits at least.
    """
    base = root if "://" in root else str(Path(root).absolute())
    return f"{base.rstrip('/')}/{night}/{expid:08d}"


def located(rows: Iterable[Mapping[str, Any]], root: str | None) -> Iterator[dict[str, Any]]:
    """Yield rows fit for the exposureDB as to whether their data is written, and where.

    Args:
        rows: Rows of a table. One that says itself whether its data is written is believed.
        root: Where the files of all others are; None if that is not known.
    """
    for row in rows:
        if root is None:
            yield {**row, "data_written": row["data_written"] or False} if "data_written" in row else dict(row)
            continue
        written = row.get("data_written") is not False
        own = row.get("data_location")
        place = own or data_location(root, row["night"], row["expid"]) if written else own
        yield {**row, "data_written": written, "data_location": place}
