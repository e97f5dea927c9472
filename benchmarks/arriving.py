"""``python -m benchmarks.arriving``: writes down when `new_exposures` yields each exposure; a process of its own."""

import sys
import time

import ICSInterface


def main() -> None:
    """Write ``expid nanoseconds`` a line, by the clock that all processes of the machine share."""
    for exposure in ICSInterface.new_exposures():
        arrived = time.monotonic_ns()
        sys.stdout.write(f"{exposure['expid']} {arrived}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
