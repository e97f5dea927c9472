"""DESI's real nights go through the whole way unharmed, and a reader in another library understands every message."""

import csv
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import jsonschema
import kombu
import msgpack
import pytest
from tests.processes import Processes
from tests.waiting import wait_until

import ICSInterface
from exposure_publisher import ExposureDB
from exposure_schemas import SUMMARY_KEYS

NIGHTS: Final = (
    "test/data/exposure_tables/202309/exposure_table_20230913.csv",
    "test/data/exposure_tables/202309/exposure_table_20230914.csv",
    "test/data/exposure_tables/202111/exposure_table_20211129.csv",
    "test/data/miniprod/exposure_tables/202105/exposure_table_20210511.csv",
)
SCIENCE: Final = ("data/tsnr/sv1-exposures.csv", "data/tsnr/tsnr_refset_etc.csv")

BEYOND_32_BITS: Final = 7024040300451
SCHEMAS: Final = Path(__file__).parents[2] / "schemas" / "json"

# Before the publisher's first heartbeat nobody knows how fresh the cache is, and it says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


def _tables(names: tuple[str, ...]) -> list[Path]:
    package = find_spec("desispec")
    assert package is not None, "DESI's package is missing: run `make setup`"
    folder = Path((package.submodule_search_locations or [""])[0])
    return [folder / name for name in names]


def _rows(tables: list[Path]) -> list[dict[str, str]]:
    return [row for table in tables for row in csv.DictReader(table.read_text().splitlines())]


@pytest.fixture
def loaded(processes: Processes, broker_url: str, exposure_db_url: str, subscriber: str, tmp_path: Path) -> Processes:
    """All real tables, and what else is known to happen, in an exposureDB."""
    processes.settings(
        broker_url=broker_url,
        exposure_db_url=exposure_db_url,
        cache_url=f"sqlite:///{tmp_path}/cache.sqlite",
        subscriber=subscriber,
    )
    for names in (NIGHTS, SCIENCE):
        done = processes.run("load", "--data-root", "/data", *map(str, _tables(names)))
        assert done.returncode == 0, done.stdout + done.stderr
    with ExposureDB(exposure_db_url) as database:
        moment = datetime(2024, 4, 3, 8, 15, 26, 535897, tzinfo=UTC)
        same_time = [{"expid": BEYOND_32_BITS + place, "night": 20240403, "date": moment} for place in range(3)]
        database.record_many(same_time)
        database.data_written(BEYOND_32_BITS, data_location="/data/20240403/7024040300451")
    return processes


def _truth(exposure_db_url: str) -> list[dict[str, Any]]:
    with ExposureDB(exposure_db_url) as database:
        return list(database.exposures())


def test_the_cache_answers_exactly_what_was_loaded(loaded: Processes, exposure_db_url: str, tmp_path: Path) -> None:
    loaded.start("publish")
    loaded.start("follow")
    truth = _truth(exposure_db_url)
    expids = {int(row["EXPID"]) for row in _rows(_tables(NIGHTS + SCIENCE))}
    assert {exposure["expid"] for exposure in truth} == expids | {BEYOND_32_BITS + place for place in range(3)}
    ics = ICSInterface.ICSInterface(f"sqlite:///{tmp_path}/cache.sqlite")

    def cached() -> list[dict[str, Any]]:
        try:
            return ics.get_exposure_summary(expid_range=(0, 2**63 - 1), require_data_written=False)
        except ICSInterface.CacheUnavailable:
            return []

    wait_until(lambda: len(cached()) == len(truth), "every exposure in the cache", seconds=60)
    answered = cached()
    assert answered == truth
    for exposure, loaded_exposure in zip(answered, truth, strict=True):
        assert list(exposure) == list(SUMMARY_KEYS)
        assert [type(value) for value in exposure.values()] == [type(value) for value in loaded_exposure.values()]
        assert exposure["date"] is None or exposure["date"].tzinfo is UTC
    wait_until(lambda: ics.status()["complete"], "the cache knowing that it is complete")


@pytest.mark.usefixtures("loaded")
def test_the_values_of_a_night_are_those_of_the_table(exposure_db_url: str) -> None:
    truth = {exposure["expid"]: exposure for exposure in _truth(exposure_db_url)}
    rows = _rows(_tables(NIGHTS))
    for row in rows:
        exposure = truth[int(row["EXPID"])]
        assert exposure["night"] == int(row["NIGHT"])
        assert exposure["exptime"] == float(row["EXPTIME"])
        assert exposure["exptype"] == row["OBSTYPE"]
        assert exposure["skyra"] == float(row["TARGTRA"])
        assert exposure["tile_id"] == (None if row["TILEID"] == "-99" else int(row["TILEID"]))
    assert len(rows) > 300, "four nights have more exposures than that"
    assert -99 not in {value for exposure in truth.values() for value in exposure.values()}


class ForeignReader:
    """Reads the bus by another client library and a plain msgpack decode, after ``asyncapi.yaml`` alone."""

    def __init__(self, url: str) -> None:
        self._connection = kombu.Connection(url.replace("amqp://", "pyamqp://"))
        channel = self._connection.channel()
        exchange = kombu.Exchange("exposures", "topic", durable=True, channel=channel)
        self._queue = kombu.Queue(
            f"foreign-{uuid.uuid4().hex}", exchange, "#", exclusive=True, auto_delete=True, channel=channel
        )
        self._queue.declare()
        self.read: list[tuple[dict[str, Any], dict[str, Any]]] = []
        """Properties and body of each message."""

    def drain(self, until: int) -> None:
        """Read until so many exposures have come."""

        def on_message(message: kombu.Message) -> None:
            body = msgpack.unpackb(bytes(message.body), timestamp=3)
            self.read.append((dict(message.properties) | {"headers": message.headers}, body))
            message.ack()

        consumer = kombu.Consumer(
            self._connection, [self._queue], on_message=on_message, accept=["application/msgpack"]
        )
        with consumer:
            while len(self.expids) < until:
                self._connection.drain_events(timeout=30)

    @property
    def expids(self) -> list[int]:
        return [exposure["expid"] for _, body in self.read for exposure in body.get("exposures", ())]

    def close(self) -> None:
        self._connection.release()


@pytest.fixture
def foreign_reader(broker_url: str) -> Iterator[ForeignReader]:
    reader = ForeignReader(broker_url)
    yield reader
    reader.close()


def _as_json(value: Any) -> Any:
    """Write timestamps as the JSON Schemas ask for it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    return [_as_json(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("exposure_db_url", ["sqlite"], indirect=True)
def test_a_reader_in_another_library_understands_every_message(
    loaded: Processes, exposure_db_url: str, foreign_reader: ForeignReader
) -> None:
    assert loaded.run("publish", "--once").returncode == 0
    truth = _truth(exposure_db_url)
    foreign_reader.drain(until=len(truth))
    validators = {
        name: jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
        for name in ("exposure-summary", "heartbeat")
    }
    numbers: list[int] = []
    for properties, body in foreign_reader.read:
        assert properties["headers"]["schema_version"] == 1
        assert properties["delivery_mode"] == 2
        validators[properties["type"]].validate(_as_json(body))
        numbers.extend(range(body["covers"][0], body["covers"][1] + 1))
    assert numbers == list(range(1, len(truth) + 1)), "the numbers are gapless and in order"
    read = {exposure["expid"]: exposure for _, body in foreign_reader.read for exposure in body["exposures"]}
    assert [{key: read[exposure["expid"]][key] for key in SUMMARY_KEYS} for exposure in truth] == truth
