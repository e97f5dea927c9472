"""QLF as the demo has it, a process of its own: takes each new exposure, fetches its files, and keeps a diary.

    python qlf.py DIARY FILES

The diary has one JSON object a line, each with its moment: ``ready``; ``called`` when `new_exposures` gives an
exposure; ``fetched``, or ``failed`` with the reason.
"""

import json
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ICSInterface


def follow_the_night(note: Callable[..., None], files: Path) -> None:
    """Fetch every file of every new exposure, for ever.

    Args:
        note: Writes into the diary.
        files: Where the files go, in a folder an exposure.
    """
    note("ready")
    for exposure in ICSInterface.new_exposures("demo"):
        expid = exposure["expid"]
        note("called", expid=expid)
        try:
            ICSInterface.get_exposure_files(expid, dest=files / f"{expid:08d}", file_class="all")
        except ICSInterface.ICSError as error:
            note("failed", expid=expid, why=f"{type(error).__name__}: {error}")
        else:
            note("fetched", expid=expid)


def main() -> None:
    """Follow the night until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    diary, files = (Path(argument) for argument in sys.argv[1:])
    with diary.open("a", encoding="utf-8") as book:

        def note(what: str, **more: Any) -> None:
            moment = datetime.now(UTC).isoformat()
            book.write(json.dumps({"at": moment, "what": what, **more}) + "\n")
            book.flush()

        follow_the_night(note, files)


if __name__ == "__main__":
    main()
