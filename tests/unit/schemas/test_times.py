"""Times keep their microsecond, know their zone, and are UTC in every message."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schemas.another_msgpack import Timestamp, pack, unpack_raw
from tests.unit.schemas.examples import ENCODINGS, EXPOSURE, MESSAGES, body_of, envelope_for, fields_of

from exposure_schemas import JSON, MSGPACK, DecodeError, Exposure, Heartbeat, InvalidValue, decode, encode, envelope

KITT_PEAK = timezone(timedelta(hours=-7))
TIMES = [(name, field) for name, message in MESSAGES.items() for field in message.__struct_fields__ if "_at" in field]

both_encodings = pytest.mark.parametrize("content_type", ENCODINGS)
every_time = pytest.mark.parametrize(("message_type", "field"), TIMES)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 (hypothesis adds the zone)


def beat_at(published_at: datetime) -> Heartbeat:
    return Heartbeat(epoch="e", newest=1, published_at=published_at, interval=5.0)


@given(moment=moments, content_type=st.sampled_from(ENCODINGS))
def test_a_time_keeps_its_microsecond_and_comes_back_in_utc(moment: datetime, content_type: str) -> None:
    beat = beat_at(moment)
    back = decode(encode(beat, content_type), envelope(beat, content_type))
    assert isinstance(back, Heartbeat)
    assert back.published_at == moment
    assert back.published_at.tzinfo is UTC


@given(moment=moments)
def test_in_msgpack_it_is_a_timestamp(moment: datetime) -> None:
    written = unpack_raw(encode(beat_at(moment)))["published_at"]
    assert isinstance(written, Timestamp)
    assert written.to_datetime() == moment


def test_in_json_it_is_iso_8601_with_z() -> None:
    moment = datetime(2026, 1, 1, 20, 4, 5, 678901, tzinfo=KITT_PEAK)
    assert b'"published_at":"2026-01-02T03:04:05.678901Z"' in encode(beat_at(moment), JSON)


@given(moment=moments)
def test_an_exposure_made_at_kitt_peak_is_in_utc(moment: datetime) -> None:
    exposure = Exposure(expid=1, night=20211129, date=moment, data_written_at=moment, sequence=1)
    assert (exposure.date, exposure.data_written_at) == (moment, moment)
    assert exposure.date is not None
    assert exposure.date.tzinfo is exposure.data_written_at.tzinfo is UTC


@both_encodings
@every_time
def test_a_foreign_time_zone_is_read_as_utc(message_type: str, field: str, content_type: str) -> None:
    fields = fields_of(message_type) | {field: "2021-11-29T20:21:09.250000-07:00"}
    message = decode(body_of(fields, content_type), envelope_for(message_type, content_type))
    assert message == MESSAGES[message_type]
    assert getattr(message, field).tzinfo is UTC


@both_encodings
@every_time
def test_a_time_without_a_zone_is_refused(message_type: str, field: str, content_type: str) -> None:
    fields = fields_of(message_type) | {field: "2021-11-30T03:21:09.250000"}
    with pytest.raises(DecodeError, match=field) as caught:
        decode(body_of(fields, content_type), envelope_for(message_type, content_type))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("field", ["date", "data_written_at"])
def test_an_exposure_cannot_be_made_of_a_time_without_a_zone(field: str) -> None:
    naive: Any = datetime(2021, 11, 30, 3, 21, 9)  # noqa: DTZ001 (that is what is tried)
    with pytest.raises(InvalidValue, match=f"{field} 2021-11-30T03:21:09 has no time zone"):
        msgspec.structs.replace(EXPOSURE, **{field: naive})


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-07:00", "10000-01-01T00:00:00Z", "2021-02-30T00:00:00Z"]
)
def test_a_time_out_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(body_of(fields_of("heartbeat") | {"published_at": text}, JSON), envelope_for("heartbeat", JSON))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize(("seconds", "nanoseconds"), [(2**60, 0), (-(2**60), 0), (253402300799, 999_999_999)])
def test_a_timestamp_out_of_the_calendar_is_refused(seconds: int, nanoseconds: int) -> None:
    fields = fields_of("heartbeat") | {"published_at": Timestamp(seconds, nanoseconds)}
    with pytest.raises(DecodeError) as caught:
        decode(pack(fields), envelope_for("heartbeat", MSGPACK))
    assert caught.value.reason == "invalid"
