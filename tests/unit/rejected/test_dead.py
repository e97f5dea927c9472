"""What a dead letter is called and what is said of it, whatever somebody has put into it."""

from datetime import UTC, datetime
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.rejected.dead import deliveries, is_dead_id, read_dead, without_marks

DIED_AT = datetime(2023, 9, 14, 3, 5, tzinfo=UTC)
DEATH = {"reason": "maxlen", "queue": "exposures.qlf", "time": DIED_AT, "count": 1, "routing-keys": ["exposure.a"]}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def dead(headers: dict[str, Any] | None = None, body: bytes = b"body", key: str = "exposure.a") -> str:
    properties = pika.BasicProperties(type="odd", headers={"x-death": [DEATH]} | (headers or {}))
    return read_dead(key, properties, body).entry.id


def test_the_last_death_is_told() -> None:
    properties = pika.BasicProperties(headers={"x-death": [DEATH, {"reason": "rejected"}]})
    entry = read_dead("exposure.a", properties, b"12345").entry
    assert (entry.place, entry.reason, entry.detail) == ("broker", "maxlen", "out of exposures.qlf")
    assert (entry.when, entry.routing_key, entry.size, entry.subscriber) == (DIED_AT, "exposure.a", 5, "qlf")


def test_what_somebody_published_there_has_only_its_own_time() -> None:
    entry = read_dead("a", pika.BasicProperties(timestamp=1694660700), b"").entry
    assert (entry.reason, entry.subscriber, entry.when) == (None, None, DIED_AT)
    assert entry.detail == "somebody published it to exposures.rejected"
    assert read_dead("a", pika.BasicProperties(timestamp=2**63), b"").entry.when is None


def test_an_id_stays_whatever_the_broker_adds_and_is_another_for_another_message() -> None:
    same = {dead(), dead({"x-delivery-count": 7}), dead({"x-acquired-count": 1, "x-first-death-queue": "q"})}
    assert len(same) == 1
    assert is_dead_id(same.pop())
    others = [dead(), dead(body=b"other"), dead(key="exposure.b"), dead({"schema_version": 1})]
    others.append(dead({"x-death": [DEATH | {"queue": "exposures.qlf2"}]}))
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("text", ["17", "b123", "b0123456789ab", "B0123456789", "b012345678g", "", "b0123456789\n"])
def test_what_is_no_id_of_a_dead_letter(text: str) -> None:
    assert not is_dead_id(text)


@given(
    key=st.text() | st.binary(),
    headers=st.none() | st.dictionaries(st.text() | st.just("x-death"), anything | st.lists(anything), max_size=3),
    stamped_at=st.none() | st.integers(0, 2**64 - 1),
    kind=st.none() | st.text() | st.binary(),
)
def test_whatever_comes_has_an_id(key: Any, headers: Any, stamped_at: int | None, kind: Any) -> None:
    properties = pika.BasicProperties(headers=headers, timestamp=stamped_at, type=kind, user_id="x")
    entry = read_dead(key, properties, b"").entry
    assert is_dead_id(entry.id)
    assert entry.id == read_dead(key, without_marks(properties), b"").entry.id
    assert deliveries(properties) >= 0


def test_what_the_broker_would_act_upon_is_left_out_and_nothing_else() -> None:
    headers = {"x-delivery-count": 3, "x-death": [DEATH], "schema_version": 1}
    properties = pika.BasicProperties(type="t", user_id="ics", expiration="1000", message_id="id", headers=headers)
    said = {name: value for name, value in vars(without_marks(properties)).items() if value is not None}
    assert said == {"type": "t", "message_id": "id", "headers": {"x-death": [DEATH], "schema_version": 1}}
    assert properties.headers == headers
