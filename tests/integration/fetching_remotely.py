"""A process that fetches an exposure of a night from another host and does nothing else; run by the tests beside it.

Arguments: the URL of its folder, its number, the destination, and bytes of the large file. It has a manifest.
"""

import signal
import sys
from pathlib import Path

from tests.integration.remote_nights import exposure_of, night_files
from tests.unit.fetch.examples import fetch


def main(url: str, expid: str, destination: str, large: str) -> None:
    exposure = exposure_of(url, int(expid), night_files(int(expid), int(large)))
    fetch(exposure, Path(destination), location_map={url: url}, jobs=1)  # small files first, so the large one is alone


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in a shell's background ignores it
    main(*sys.argv[1:])
