"""How a tap's messages are written."""

import csv
import json
from typing import Any

import msgpack
import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitor.deliveries import MOMENT, exposure, summary, tapped, tapped_body

from exposure_bus.moments import iso
from exposure_monitor.lines import entries_of, lines_for
from exposure_monitor.lines.records import EXPOSURE_KEYS, MESSAGE_KEYS
from exposure_monitor.lines.table import COLUMNS
from exposure_monitor.tapped import Tapped
from exposure_schemas import MSGPACK, Alarm, Heartbeat, ManifestFile, Retraction

HEARTBEAT = tapped(
    Heartbeat(epoch="epoch", newest=7, published_at=MOMENT, interval=5), exchange="exposures", routing_key="heartbeat"
)
ALARM = tapped(
    Alarm(message="no arc\x1b[2J lines", level="WARN", subscriber="qlf", host="host1", raised_at=MOMENT),
    exchange="exposures.alarms",
    routing_key="warn",
)
FULL = exposure(
    skyra=12.5,
    exptime=900.04,
    program="dark",
    tile_id=4321,
    exptype="science",
    data_written=True,
    data_location="/data/20230913/00195972",
    files=(ManifestFile(name="desi-00195972.fits.fz", file_class="spectro", size=5, sha256=None),),
)


def lines(one: Tapped, output_format: Any, *, colour: bool = False) -> list[str]:
    writer = lines_for(output_format, colour=colour)
    return [writer.line(one, entry) for entry in entries_of(one)]


def test_the_table_has_a_line_an_exposure_under_its_header() -> None:
    one = tapped(summary(FULL, exposure(195973), replayed=True))
    header = lines_for("table", colour=False).header
    clock = one.received_at.time().isoformat(timespec="milliseconds")
    assert [header, *lines(one, "table")] == [
        (
            "received      published             data        expid  night     exptype   program         tile  exptime"
            "  sequence  replayed  location"
        ),
        (
            f"{clock}  2023-09-14T03:04:05Z  written    195972  20230913  science   dark            4321    900.0"
            "    195972  replayed  /data/20230913/00195972"
        ),
        (
            f"{clock}  2023-09-14T03:04:05Z  pending    195973  20230913                                         "
            "    195973  replayed"
        ),
    ]


@given(
    st.builds(
        exposure,
        expid=st.integers(0, 10**8 - 1),
        exptype=st.none() | st.text(),
        program=st.none() | st.text(),
        tile_id=st.none() | st.integers(-99, 999_999),
        exptime=st.none() | st.floats(0, 9999),
        data_written=st.booleans(),
    ).filter(lambda each: each.sequence > 0)
)
def test_columns_never_move_and_a_line_stays_a_line(one: Any) -> None:
    (line,) = lines(tapped(summary(one)), "table")
    places = [sum(column.width + 2 for column in COLUMNS[:number]) for number in range(len(COLUMNS))]
    assert line.isprintable()
    assert line[places[3] : places[4]].split() == [str(one.expid)]
    assert line[places[4] : places[5]].split() == ["20230913"]
    assert line[places[9] : places[10]].split() == [str(one.sequence)]


def test_only_a_coloured_table_has_colours() -> None:
    one = tapped(summary(FULL))
    assert lines(one, "table", colour=True)[0] == f"\x1b[32m{lines(one, 'table')[0]}\x1b[0m"
    assert "\x1b" not in "".join(lines(one, "json", colour=True) + lines(one, "csv", colour=True))


def test_json_has_the_keys_of_the_message_and_of_the_exposure() -> None:
    row = json.loads(lines(tapped(summary(FULL, covers=(195970, 195972))), "json")[0])
    assert list(row) == [*MESSAGE_KEYS, *EXPOSURE_KEYS]
    assert row["covers"] == [195970, 195972]
    assert row["published_at"] == row["data_written_at"] == iso(MOMENT)
    assert row["files"] == [
        {"name": "desi-00195972.fits.fz", "file_class": "spectro", "size": 5, "sha256": None},
    ]


def test_json_says_null_for_what_is_no_number() -> None:
    foreign = tapped_body(msgpack.packb([float("nan"), float("inf"), 1.5]), pika.BasicProperties(content_type=MSGPACK))
    row = json.loads(lines(foreign, "json")[0], parse_constant=pytest.fail)
    assert row["raw"] == [None, None, 1.5]


def test_csv_counts_files_and_leaves_the_note_empty() -> None:
    header = lines_for("csv", colour=False).header
    row = next(csv.DictReader([str(header), *lines(tapped(summary(FULL, covers=(5, 7))), "csv")]))
    assert (row["files"], row["covers"], row["replayed"], row["note"]) == ("1", "5-7", "false", "")
    assert row["routing_key"] == "exposure.written.science.dark"
    assert row["skydec"] == ""


RETRACTED = tapped(
    summary(retracted=(Retraction(expid=195972, sequence=4713),), covers=(4712, 4713)), routing_key="exposure.retracted"
)


def test_a_retraction_is_one_line_that_says_which_exposure_is_gone() -> None:
    (table,), (text,) = lines(RETRACTED, "table"), lines(RETRACTED, "json")
    said = "exposure 195972 is gone from the exposureDB, sequence 4713"
    assert table.endswith(f"  2023-09-14T03:04:05Z  exposure.retracted: {said}")
    assert lines(RETRACTED, "table", colour=True) == [f"\x1b[35m{table}\x1b[0m"]
    row = json.loads(text)
    assert list(row) == [*MESSAGE_KEYS, "expid", "sequence", "retracted"]
    assert (row["expid"], row["sequence"], row["retracted"], row["covers"]) == (195972, 4713, True, [4712, 4713])
    header = lines_for("csv", colour=False).header
    cells = next(csv.DictReader([str(header), *lines(RETRACTED, "csv")]))
    assert (cells["expid"], cells["sequence"], cells["night"], cells["note"]) == ("195972", "4713", "", said)


def test_what_is_replayed_has_a_line_for_each_exposure_and_each_retraction() -> None:
    one = tapped(summary(FULL, retracted=(Retraction(expid=7, sequence=4713),), replayed=True))
    assert [json.loads(line)["expid"] for line in lines(one, "json")] == [195972, 7]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (HEARTBEAT, "newest sequence 7, the next within 5 s"),
        (ALARM, "WARN from qlf at host1: no arc\x1b[2J lines"),
        (tapped(summary(covers=(5, 7))), "no exposure is left of 5-7"),
        (tapped(summary()), "no exposures"),
        (
            tapped_body(b'{"expid": 7}', pika.BasicProperties(type="x", content_type="application/json")),
            (
                "undecodable: unknown-type: type 'x', known are exposure-summary, heartbeat, replay-request, "
                "audit-request, audit-answer, alarm: 12 bytes 7b226578706964223a20377d, read as {'expid': 7}"
            ),
        ),
    ],
)
def test_a_message_without_exposures_is_told_in_a_note(one: Tapped, said: str) -> None:
    (table,) = lines(one, "table")
    (row,) = csv.reader(lines(one, "csv"))
    assert table.endswith(f"{one.routing_key}: " + said.replace("\x1b", r"\x1b"))
    assert row[-1] == said


def test_json_of_other_messages_has_their_own_keys() -> None:
    heartbeat, alarm = json.loads(lines(HEARTBEAT, "json")[0]), json.loads(lines(ALARM, "json")[0])
    assert list(heartbeat) == [*MESSAGE_KEYS, "newest", "interval", "behind"]
    assert list(alarm) == [*MESSAGE_KEYS, "message", "level", "subscriber", "host", "raised_at"]
    assert (heartbeat["newest"], alarm["level"], alarm["published_at"]) == (7, "WARN", iso(MOMENT))
