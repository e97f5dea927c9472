"""A process that fetches an exposure, forks, and lets its child fetch it too; run by the tests beside it.

Arguments: what the location map leads to for ``/raw``, and the destination.
"""

import os
import sys
from pathlib import Path

from tests.unit.fetch.examples import exposure_at, fetch


def main(root: str, destination: str) -> None:
    exposure = exposure_at("/raw/exposure", None)
    fetch(exposure, Path(destination) / "parent", location_map={"/raw": root})
    child = os.fork()
    if child == 0:
        fetch(exposure, Path(destination) / "child", location_map={"/raw": root})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
