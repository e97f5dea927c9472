"""A night with everything running as processes, for tests that interfere."""

import random
from pathlib import Path
from typing import Any, Final

from tests.processes import Daemon, Processes

import ICSInterface
from exposure_publisher import ExposureDB

NIGHT: Final = 20230913


class Night:
    """A night with everything running as processes."""

    def __init__(
        self, processes: Processes, broker_url: str, subscriber: str, exposure_db_url: str, cache_url: str
    ) -> None:
        self.exposure_db_url = exposure_db_url
        self._processes = processes.settings(
            broker_url=broker_url, subscriber=subscriber, exposure_db_url=exposure_db_url, cache_url=cache_url
        )
        self.seed = random.SystemRandom().randrange(2**32)
        print(f"seed {self.seed}")
        self.random = random.Random(self.seed)
        self.database = ExposureDB(self.exposure_db_url)
        self.publisher = self.start("publish")
        self.follower = self.start("follow")
        self.ics = ICSInterface.ICSInterface(cache_url, broker_url)

    def start(self, verb: str) -> Daemon:
        return self._processes.start(verb)

    def cached(self) -> list[dict[str, Any]]:
        try:
            return self.ics.get_exposure_summary(expid_range=(0, 10**9), require_data_written=False)
        except ICSInterface.CacheUnavailable:
            return []

    def newest(self) -> int:
        """The newest number that has come through to the cache."""
        try:
            return int(self.ics.status()["newest"])
        except ICSInterface.CacheUnavailable:
            return 0

    def everything_agrees(self) -> bool:
        return self.cached() == list(self.database.exposures())


def files_in(folder: Path) -> tuple[str, str]:
    """An exposureDB and a cache as files."""
    return f"sqlite:///{folder}/exposuredb.sqlite", f"sqlite:///{folder}/cache.sqlite"
