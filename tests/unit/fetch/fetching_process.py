"""A process that fetches an exposure and does nothing else; run by the tests beside it.

Arguments: source folder, destination, ``--step`` to say ``block`` after each block, one file after the other, and to
wait for a line then, ``--flush`` to say ``flush`` before each file is flushed, likewise.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from tests.unit.fetch.examples import exposure_at, fetch


def say(text: str) -> None:
    print(text, flush=True)


def step(_count: int) -> None:
    say("block")
    sys.stdin.readline()


def flush_by_steps() -> None:
    flush = os.fsync

    def slow(fd: Any) -> None:
        say("flush")
        sys.stdin.readline()
        flush(fd)

    os.fsync = slow


def end(number: int, _frame: FrameType | None) -> NoReturn:
    say("interrupted")
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def main(source: str, destination: str, *options: str) -> None:
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if "--flush" in options:
        flush_by_steps()
    try:
        if "--step" in options:
            fetch(exposure_at(source, None), Path(destination), progress=step, jobs=1)
        else:
            fetch(exposure_at(source, None), Path(destination))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
