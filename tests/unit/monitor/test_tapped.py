"""Whatever goes over the bus is shown, and nothing of it ends a tap."""

import json
from datetime import UTC, datetime
from typing import Any

import msgpack
import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitor.deliveries import MOMENT, exposure, summary, tapped, tapped_body

from exposure_bus.broker import properties_for
from exposure_monitor.lines import entries_of, lines_for
from exposure_monitor.tapped import Tapped
from exposure_schemas import JSON, MESSAGE_TYPES, MSGPACK, Alarm, Heartbeat, encode
from exposure_schemas.codec import MOST_BYTES

PROPERTIES = st.builds(
    pika.BasicProperties,
    type=st.none() | st.text(max_size=9) | st.binary(max_size=9) | st.sampled_from(sorted(MESSAGE_TYPES)),
    content_type=st.none() | st.sampled_from([MSGPACK, JSON, b"\xff", "text/plain"]),
    message_id=st.none() | st.binary(max_size=9),
    timestamp=st.none() | st.integers(0, 2**64 - 1),
    headers=st.none() | st.fixed_dictionaries({"schema_version": st.sampled_from([1, 2, "1", None, [1], True])}),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4),
    max_leaves=12,
)
BODIES = (
    st.binary(max_size=300) | VALUES.map(msgpack.packb) | VALUES.map(lambda value: json.dumps(repr(value)).encode())
)


def every_line(one: Tapped) -> list[str]:
    return [
        lines_for(output_format, colour=colour).line(one, entry)
        for output_format in ("table", "json", "csv")
        for colour in (False, True)
        for entry in entries_of(one)
    ]


@given(BODIES, PROPERTIES, st.text(max_size=20) | st.binary(max_size=20))
def test_any_delivery_is_read_and_written_in_one_line(
    body: bytes, properties: pika.BasicProperties, key: str | bytes
) -> None:
    one = tapped_body(body, properties, routing_key=key)
    assert (one.message is None) == (one.problem is not None)
    for line in every_line(one):
        assert line.encode(errors="backslashreplace")


@given(VALUES)
def test_what_is_no_message_of_ours_is_read_without_its_type(value: Any) -> None:
    body = msgpack.packb({"value": value})
    one = tapped_body(body, pika.BasicProperties(type="weather", content_type=MSGPACK))
    assert (one.problem or "").startswith("unknown-type: type 'weather'")
    assert repr(one.raw) == repr(msgpack.unpackb(body, strict_map_key=False))


def test_a_foreign_version_is_flagged_and_read_as_far_as_it_goes() -> None:
    message = summary(exposure())
    properties = properties_for(message, "id")
    properties.headers = {"schema_version": 2}
    one = tapped_body(encode(message), properties)
    assert one.problem == "unknown-version: schema_version 2, read is 1"
    assert one.raw["exposures"][0]["data_written_at"] == MOMENT
    assert one.published_at == datetime.fromtimestamp(properties.timestamp, UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\x90\x01",  # a list as a key
        b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff",  # the year 292 billion
        b"\x91" * 2000,
        b"\xdf\xff\xff\xff\xff",
        b"\xd9\x01\xff",
        b"",
    ],
    ids=["unhashable key", "far future", "deep", "long", "no text", "empty"],
)
@pytest.mark.parametrize("content_type", [MSGPACK, JSON, None])
def test_poison_is_shown_in_hexadecimal(body: bytes, content_type: str | None) -> None:
    one = tapped_body(body, pika.BasicProperties(content_type=content_type))
    assert one.raw is None
    assert all("unknown-type" in line for line in every_line(one))
    assert all(body[:32].hex() in line for line in every_line(one))


def test_json_that_is_too_deep_is_not_read() -> None:
    assert tapped_body(b"[" * 100_000, pika.BasicProperties(content_type=JSON)).raw is None


def test_a_body_that_is_too_large_is_not_read() -> None:
    one = tapped_body(b"0" * (MOST_BYTES + 1), pika.BasicProperties(type="exposure-summary"))
    assert (one.problem or "").startswith("too-large")
    assert one.raw is None
    assert all(len(line) < 1000 for line in every_line(one))


def test_a_message_of_ours_is_whole() -> None:
    one = tapped(summary(exposure(7)), offset=3)
    assert one.exposures == (exposure(7),)
    assert (one.problem, one.raw, one.offset, one.published_at) == (None, None, 3, MOMENT)


def test_an_offset_that_a_sender_made_up_is_not_believed() -> None:
    properties = pika.BasicProperties(headers={"x-stream-offset": 7})
    assert tapped_body(b"", properties).offset is None


def test_every_message_knows_when_it_was_published() -> None:
    heartbeat = Heartbeat(epoch="epoch", newest=7, published_at=MOMENT, interval=5)
    alarm = Alarm(message="no arc lines", level="WARN", subscriber="qlf", host="host", raised_at=MOMENT)
    assert [tapped(message).published_at for message in (heartbeat, alarm)] == [MOMENT, MOMENT]
