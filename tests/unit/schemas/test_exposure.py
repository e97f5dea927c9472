"""What an exposure is, and what it never holds."""

import math
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schemas.any_message import exposures
from tests.unit.schemas.examples import ENCODINGS, EXPOSURE, MESSAGES, body_of, envelope_for, fields_of

from exposure_schemas import (
    JSON,
    SUMMARY_KEYS,
    DecodeError,
    Exposure,
    ExposureSummary,
    InvalidValue,
    ManifestFile,
    decode,
    encode,
    envelope,
    summary_of,
)

SIXTEEN = (
    "expid skyra skydec exptime program tile_id exptype date night "
    "seeing airmass transparency skylevel s2n data_written data_location"
)


def summary_with(exposure: Exposure) -> ExposureSummary:
    message = MESSAGES["exposure-summary"]
    assert isinstance(message, ExposureSummary)
    return msgspec.structs.replace(message, exposures=(exposure,))


def test_a_summary_has_these_sixteen_keys_in_this_order() -> None:
    assert " ".join(SUMMARY_KEYS) == SIXTEEN
    assert " ".join(summary_of(EXPOSURE)) == SIXTEEN


@given(exposure=exposures())
def test_a_summary_says_what_the_exposure_says(exposure: Exposure) -> None:
    assert summary_of(exposure) == {key: getattr(exposure, key) for key in SUMMARY_KEYS}


def test_a_row_with_more_columns_gives_the_same_summary() -> None:
    assert summary_of(msgspec.structs.asdict(EXPOSURE) | {"arrival": 5}) == summary_of(EXPOSURE)


def test_an_exposure_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        EXPOSURE.expid = 5  # type: ignore[misc]


def test_an_exposure_without_files_is_not_one_whose_files_nobody_listed() -> None:
    for files in ((), None):
        message = summary_with(msgspec.structs.replace(EXPOSURE, files=files))
        assert decode(encode(message), envelope(message)) == message


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_cross(number: float) -> None:
    message = summary_with(msgspec.structs.replace(EXPOSURE, seeing=number))
    with pytest.raises(DecodeError, match="seeing"):
        decode(encode(message), envelope(message))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_in_json_it_is_written_as_null(number: float) -> None:
    message = summary_with(msgspec.structs.replace(EXPOSURE, seeing=number))
    back = decode(encode(message, JSON), envelope(message, JSON))
    assert back == summary_with(msgspec.structs.replace(EXPOSURE, seeing=None))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_row_with_it_makes_no_exposure(number: float) -> None:
    row = msgspec.structs.asdict(EXPOSURE) | {"skyra": number}
    with pytest.raises(msgspec.ValidationError, match="skyra"):
        msgspec.convert(row, Exposure)


@given(text=st.text())
def test_text_loses_its_nul_which_postgresql_cannot_hold_and_nothing_else(text: str) -> None:
    exposure = msgspec.structs.replace(EXPOSURE, program=text, exptype=text, data_location=text)
    assert exposure.program == exposure.exptype == exposure.data_location == text.replace("\0", "")


@pytest.mark.parametrize("content_type", ENCODINGS)
def test_it_loses_it_when_it_is_read_too(content_type: str) -> None:
    fields = fields_of("exposure-summary")
    fields["exposures"] = [fields["exposures"][0] | {"program": "da\0rk", "exptype": None}]
    back = decode(body_of(fields, content_type), envelope_for("exposure-summary", content_type))
    assert back == summary_with(msgspec.structs.replace(EXPOSURE, exptype=None))


@pytest.mark.parametrize("content_type", ENCODINGS)
def test_a_file_name_that_is_no_unicode_is_said_where_it_is_written(content_type: str) -> None:
    name = b"desi-\xff.fits".decode(errors="surrogateescape")
    files = (ManifestFile(name=name, file_class=None, size=1),)
    with pytest.raises(InvalidValue, match="this exposure-summary cannot be written"):
        encode(summary_with(msgspec.structs.replace(EXPOSURE, files=files)), content_type)


def test_a_number_that_msgpack_has_no_room_for_is_said_where_it_is_written() -> None:
    with pytest.raises(InvalidValue, match="this exposure-summary cannot be written"):
        encode(summary_with(msgspec.structs.replace(EXPOSURE, tile_id=2**64)))


@pytest.mark.parametrize("covers", [(5, 4), (2, 1)])
def test_a_message_cannot_be_made_with_a_reversed_span(covers: tuple[int, int]) -> None:
    with pytest.raises(InvalidValue, match="ends before it begins"):
        ExposureSummary(
            epoch="e", covers=covers, replayed=False, published_at=datetime(2021, 11, 30, tzinfo=UTC), exposures=()
        )
