"""A message in full: whatever its body is, there is something to see, and nothing of it speaks to the terminal."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.broker import properties_for
from exposure_schemas import Exposure, ExposureSummary, encode
from exposure_subscriber.rejected.entry import Entry, Letter
from exposure_subscriber.rejected.showing import hex_lines, lines_of

NOW = datetime(2023, 9, 14, 3, 5, tzinfo=UTC)


def letter(body: bytes, properties: pika.BasicProperties | None = None, **values: Any) -> Letter:
    known: dict[str, Any] = {
        "id": "17",
        "place": "cache",
        "when": NOW,
        "reason": "invalid",
        "detail": "odd",
        "routing_key": "exposure.a",
        "properties": properties or pika.BasicProperties(),
        "size": len(body),
        "subscriber": None,
    }
    return Letter(Entry(**known | values), body)


def body_of(shown: Letter) -> list[str]:
    lines = list(lines_of(shown))
    return lines[lines.index("body") + 1 :]


def test_a_readable_message_says_so_and_shows_its_values() -> None:
    exposure = Exposure(expid=7, sequence=1, night=20230913, data_written_at=NOW, program="daŕk")
    message = ExposureSummary(epoch="ours", covers=(1, 1), replayed=False, published_at=NOW, exposures=(exposure,))
    properties = properties_for(message, "id")
    properties.headers["x-death"] = [{"reason": "maxlen", "time": NOW}]
    lines = list(lines_of(letter(encode(message), properties)))
    assert "readable now  yes: exposure-summary of 7" in lines
    lines = [line.strip() for line in lines]
    assert '"time": "2023-09-14T03:05:00Z"' in lines
    assert '"program": "daŕk",' in lines
    assert '"published_at": "2023-09-14T03:05:00Z",' in lines


def test_an_unreadable_one_says_why() -> None:
    lines = list(lines_of(letter(b"x", pika.BasicProperties(type="odd"))))
    (why,) = [line for line in lines if line.startswith("readable now")]
    assert why.startswith("readable now  no, unknown-type: type 'odd', known are ")


def test_a_body_that_was_cut_says_so() -> None:
    lines = list(lines_of(letter(b"12345", size=99)))
    assert "size          99 bytes, 5 kept" in lines
    assert any("only its first 5 bytes were kept" in line for line in lines)


@pytest.mark.parametrize("content_type", [None, "application/json", "application/msgpack", "text/plain"])
def test_foreign_bodies_are_shown_as_what_they_are(content_type: str | None) -> None:
    properties = pika.BasicProperties(content_type=content_type)
    table = {"a": [1, None, True], "b": b"\xff", "c": NOW, "d": float("nan"), "e": msgspec.msgpack.Ext(5, b"x")}
    shown = "\n".join(body_of(letter(msgspec.msgpack.encode(table), properties)))
    assert '"c": "2023-09-14T03:05:00Z"' in shown
    assert body_of(letter(b'{"a": "\xc3\xa9"}', properties)) == ["  {", '    "a": "é"', "  }"]
    assert body_of(letter(b"SIMPLE  = T\x00", properties)) == list(hex_lines(b"SIMPLE  = T\x00"))


def test_a_hexdump_has_offset_bytes_and_text_and_ends_somewhere() -> None:
    lines = list(hex_lines(b"SIMPLE\x00\xff" + b"." * 1000))
    assert lines[0] == "  00000000  53 49 4d 50 4c 45 00 ff 2e 2e 2e 2e 2e 2e 2e 2e  SIMPLE.........."
    assert lines[1].startswith("  00000010  2e")
    assert lines[-1] == "  … and 496 bytes more: --raw writes them all"
    assert list(hex_lines(b"")) == []


def test_nesting_without_end_is_shown_in_bytes() -> None:
    assert body_of(letter(b"\x91" * 100_000 + b"\x01"))[0].startswith("  00000000  91 91")
    assert body_of(letter(b"[" * 100_000 + b"]" * 100_000))[0].startswith("  00000000  5b 5b")


@given(body=st.binary() | st.text().map(str.encode), text=st.text(), content_type=st.text())
def test_nothing_of_it_speaks_to_the_terminal(body: bytes, text: str, content_type: str) -> None:
    properties = pika.BasicProperties(type=text, content_type=content_type, headers={text: [text, body]})
    values = {"detail": text, "routing_key": text, "reason": text}
    for line in lines_of(letter(body, properties, **values)):
        assert line.isprintable()
        line.encode()
