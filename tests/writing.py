"""A night in which exposures change all the time, as the ICS changes them."""

import random
import threading
from typing import Self

from tests.night import NIGHT, Night
from tests.waiting import wait_until

from exposure_publisher import ExposureDB


class Writer(threading.Thread):
    """Keeps changing exposures, as the ICS does, for the length of a block."""

    def __init__(self, night: Night) -> None:
        super().__init__()
        self._url = night.exposure_db_url
        self._random = random.Random(night.seed)
        self._stop_asked = threading.Event()
        self.changes = 0

    def run(self) -> None:
        with ExposureDB(self._url) as database:
            while not self._stop_asked.wait(self._random.uniform(0, 0.02)):
                self._change(database, self._random.randrange(1, 400))
                self.changes += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop_asked.set()
        self.join()

    def _change(self, database: ExposureDB, expid: int) -> None:
        seeing = self._random.uniform(0.5, 3.0)
        if self._random.random() < 0.3:
            database.record(expid=expid, night=NIGHT, seeing=seeing)
            database.data_written(expid, data_location=f"/data/{NIGHT}/{expid:08d}")
        else:
            database.record(expid=expid, night=NIGHT, exptype="science", seeing=seeing, airmass=seeing + 1)


def written_once(night: Night) -> None:
    """Every written exposure comes out of new_exposures, and none comes twice."""
    came = [exposure["expid"] for exposure in night.ics.new_exposures("once", timeout=0.5)]
    written = [exposure["expid"] for exposure in night.database.exposures() if exposure["data_written"]]
    assert len(came) == len(set(came)), "an exposure came twice"
    assert sorted(came) == written


def wait_for_changes(writer: Writer, count: int) -> None:
    target = writer.changes + count
    wait_until(lambda: writer.changes >= target, f"{count} more changes")


def wait_for_arrivals(night: Night) -> None:
    """Wait until something has come through, so that the next blow meets everything at work."""
    before = night.newest()
    wait_until(lambda: night.newest() > before, "something coming through", seconds=90)
