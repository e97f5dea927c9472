"""Headers that pika cannot read are read, and written back as they came."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import data

from exposure_bus.broker.odd_headers import DEEPEST, DeepTable, OddTime, holds_odd, odd_headers

MOMENT = datetime(2023, 9, 14, 3, 5, tzinfo=UTC)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.just(MOMENT)
    | st.just(Decimal("1.5"))
    | st.integers(2**40, 2**64 - 1).map(OddTime),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def written(table: dict[str, Any]) -> bytes:
    pieces: list[bytes] = []
    data.encode_table(pieces, table)
    return b"".join(pieces)


@given(st.dictionaries(st.text(max_size=10), values, max_size=4))
def test_every_header_comes_back_as_it_was_and_is_written_as_it_came(table: dict[str, Any]) -> None:
    with odd_headers():
        encoded = written(table)
        read, end = data.decode_table(encoded, 0)
        assert end == len(encoded)
        assert read == table
        assert written(read) == encoded


def test_pika_itself_stumbles_and_does_so_again_afterwards() -> None:
    encoded = struct.pack(">I", 13) + b"\x03oddT" + struct.pack(">Q", 2**63)
    with pytest.raises((OverflowError, ValueError)):
        data.decode_table(encoded, 0)
    with odd_headers():
        assert data.decode_table(encoded, 0)[0] == {"odd": 2**63}
    with pytest.raises((OverflowError, ValueError)):
        data.decode_table(encoded, 0)


def test_what_is_nested_too_deep_is_kept_in_its_bytes_and_what_follows_is_read() -> None:
    deep = b""
    for _ in range(5000):
        deep = b"A" + struct.pack(">I", len(deep)) + deep
    encoded = b"\x04deep" + deep + b"\x04nextt\x01"
    encoded = struct.pack(">I", len(encoded)) + encoded
    with odd_headers():
        read, _ = data.decode_table(encoded, 0)
        assert written(read) == encoded
    assert read["next"] is True
    levels, value = 0, read["deep"]
    while isinstance(value, list):
        levels, value = levels + 1, value[0]
    assert levels == DEEPEST
    assert isinstance(value, DeepTable)


def test_odd_ones_are_found_wherever_they_are() -> None:
    assert holds_odd({"a": [1, {"b": OddTime(2**63)}]})
    assert holds_odd([DeepTable(b"")])
    assert not holds_odd({"a": [1, MOMENT, {"b": b""}], "c": None})
