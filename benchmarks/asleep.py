"""What a change costs a relay that has slept since the one before, beside one that is busy.

``PYTHONPATH=demo python -m benchmarks.asleep`` prints medians in ms. At twenty changes a second every process on the
way has slept, ours and the databases', and so has the floor's; but ours are more.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.live_site import EVERY, NIGHT
from benchmarks.measure import Measured, seconds
from benchmarks.raw import connect
from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, open_ledger
from private_servers import PostgreSQL

COUNT: Final = 200


def main() -> None:
    """Measure both databases, busy and asleep."""
    print(f"{'':34}{'busy':>8}{'asleep':>8}")
    with tempfile.TemporaryDirectory() as folder, PostgreSQL(Path(folder) / "postgresql") as server:
        for kind, url in {
            "SQLite": f"sqlite:///{folder}/exposuredb.sqlite",
            "PostgreSQL": server.create_database("asleep"),
        }.items():
            with ExposureDB(url) as database, closing(open_ledger(url)) as ledger, closing(connect(url)) as bare:
                numbers = iter(range(1, 10**6))
                busy, asleep = (_steps(database, ledger, bare.cursor(), numbers, pause) for pause in (0, EVERY))
            for step, took in busy.items():
                print(f"{kind + ': ' + step:34}{median(took):8.2f}{median(asleep[step]):8.2f}")


def _steps(
    database: ExposureDB, ledger: Ledger, cursor: Any, numbers: Iterator[int], pause: float
) -> dict[str, Measured]:
    took: dict[str, Measured] = {"SELECT 1, the driver alone": [], "look for what has changed": [], "number it": []}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        found: list[Any] = []
        took[step].append(1000 * seconds(lambda: found.append(work())))
        return found[0]

    for _ in range(COUNT):
        time.sleep(pause)
        timed("SELECT 1, the driver alone", lambda: _select(cursor))
        database.record(expid=next(numbers), night=NIGHT)
        time.sleep(pause)
        changes = timed("look for what has changed", lambda: ledger.unnumbered(500))
        timed("number it", lambda: ledger.number(changes, [None] * len(changes), 0))  # noqa: B023 (done with at once)
    return took


def _select(cursor: Any) -> None:
    cursor.execute("SELECT 1")
    cursor.fetchall()


if __name__ == "__main__":
    main()
