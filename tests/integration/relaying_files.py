"""What tests of the relay's files share: a folder of raw data, and who hears what is announced of it."""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.in_threads import running
from tests.listening import Listener
from tests.raw_sql import changes
from tests.waiting import wait_until

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import LedgerState, open_ledger
from exposure_publisher.relay import Relay
from exposure_schemas import Exposure

NIGHT = 20230913


class Raw:
    """A folder of raw data, written as ICS does.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def location(self, expid: int) -> Path:
        path = self._folder / f"{expid:08d}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, expid: int, *classes: str, content: bytes = b"photons") -> Path:
        location = self.location(expid)
        for each in classes:
            (location / name(expid, each)).write_bytes(content + each.encode())
        return location

    def promise(self, expid: int, *classes: str, content: bytes = b"photons") -> Path:
        """Write a checksum file that lists files."""
        lines = [f"{sha256(content + each.encode())}  {name(expid, each)}\n" for each in classes]
        path = self.location(expid) / f"checksum-{expid:08d}.sha256sum"
        path.write_text("".join(lines))
        return path


def name(expid: int, file_class: str) -> str:
    return f"{file_class}-{expid:08d}.fits.fz"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Site:
    """An exposureDB, a broker, a folder of raw data, and who hears what is announced."""

    broker_url: str
    url: str
    db: ExposureDB
    listener: Listener
    raw: Raw

    def relay(self, *, once: bool = False, checksums: bool = True, check_headers: bool = False) -> Relay:
        return Relay(self.broker_url, self.url, once=once, checksums=checksums, check_headers=check_headers)

    def publish_once(self, *, checksums: bool = True, check_headers: bool = False) -> None:
        with running(self.relay(once=True, checksums=checksums, check_headers=check_headers)) as once:
            once.wait()

    def written(self, expid: int, location: Path) -> None:
        self.db.record(expid=expid, night=NIGHT)
        self.db.data_written(expid, data_location=str(location))

    def changes(self) -> list[int]:
        return changes(self.url)

    def state(self) -> LedgerState:
        with closing(open_ledger(self.url)) as ledger:
            return ledger.state()

    def announced(self) -> dict[int, Exposure]:
        """The newest state of each written exposure that was announced."""
        exposures = (exposure for summary in self.listener.summaries for exposure in summary.exposures)
        return {exposure.expid: exposure for exposure in exposures if exposure.data_written}

    def wait_for(self, *expids: int) -> dict[int, Exposure]:
        wait_until(lambda: self.announced().keys() >= set(expids), f"{expids} announced")
        return self.announced()
