"""Every message comes back as it was, by our own codec and by another msgpack."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schemas.another_msgpack import pack, unpack
from tests.unit.schemas.any_message import any_message
from tests.unit.schemas.examples import ENCODINGS, EXPOSURE, MESSAGES, body_of, fields_of

from exposure_schemas import JSON, MESSAGE_TYPES, MSGPACK, Message, decode, encode, envelope


@given(message=any_message, content_type=st.sampled_from(ENCODINGS))
def test_a_message_comes_back_as_it_was(message: Message, content_type: str) -> None:
    assert decode(encode(message, content_type), envelope(message, content_type)) == message


@given(message=any_message)
def test_another_msgpack_reads_the_same_values(message: Message) -> None:
    read = unpack(encode(message))
    assert read == _plain(message)


@given(message=any_message)
def test_what_another_msgpack_writes_is_read_as_the_same_message(message: Message) -> None:
    body = pack(_plain(message))
    assert decode(body, envelope(message)) == message


@given(message=any_message)
def test_what_another_json_writes_is_read_as_the_same_message(message: Message) -> None:
    body = json.dumps(json.loads(encode(message, JSON)), indent=2).encode()
    assert decode(body, envelope(message, JSON)) == message


@pytest.mark.parametrize("message_type", MESSAGE_TYPES)
def test_the_envelope_names_the_type_the_encoding_and_the_version(message_type: str) -> None:
    properties = envelope(MESSAGES[message_type], JSON)
    assert (properties.type, properties.content_type, properties.schema_version) == (message_type, JSON, 1)


def test_msgpack_is_what_is_written_unless_json_is_asked_for() -> None:
    message = MESSAGES["exposure-summary"]
    assert encode(message) == encode(message, MSGPACK)
    assert envelope(message).content_type == MSGPACK
    assert encode(message, JSON).startswith(b"{")


@pytest.mark.parametrize("content_type", ENCODINGS)
def test_every_field_is_written_even_where_it_is_none(content_type: str) -> None:
    message = MESSAGES["exposure-summary"]
    bare = type(EXPOSURE)(expid=1, night=20211129, data_written_at=EXPOSURE.data_written_at, sequence=1)
    body = encode(msgspec.structs.replace(message, exposures=(bare,)), content_type)
    written = json.loads(body) if content_type == JSON else unpack(body)
    assert list(written["exposures"][0]) == list(type(EXPOSURE).__struct_fields__)


@pytest.mark.parametrize("content_type", ENCODINGS)
def test_expids_beyond_32_bits_come_back(content_type: str) -> None:
    message = MESSAGES["exposure-summary"]
    large = msgspec.structs.replace(EXPOSURE, expid=7024040300451)
    message = msgspec.structs.replace(message, exposures=(large,))
    back = decode(encode(message, content_type), envelope(message, content_type))
    assert _plain(back)["exposures"][0]["expid"] == 7024040300451


@pytest.mark.parametrize("content_type", ENCODINGS)
@pytest.mark.parametrize("message_type", MESSAGE_TYPES)
def test_fields_of_a_later_writer_are_passed_over(message_type: str, content_type: str) -> None:
    later = fields_of(message_type) | {"added_later": {"deep": [1, 2, {"er": None}]}}
    for exposure in later.get("exposures", ()):
        exposure["phase_of_the_moon"] = 0.5
        if "files" in exposure:
            exposure["files"][0]["blake3"] = "0f"
    message = MESSAGES[message_type]
    assert decode(body_of(later, content_type), envelope(message, content_type)) == message


@pytest.mark.parametrize("content_type", ENCODINGS)
def test_fields_that_an_earlier_writer_did_not_know_have_their_defaults(content_type: str) -> None:
    summary = fields_of("exposure-summary")
    summary["exposures"] = [{key: summary["exposures"][0][key] for key in _REQUIRED}]
    message = decode(body_of(summary, content_type), envelope(MESSAGES["exposure-summary"], content_type))
    (exposure,) = _plain(message)["exposures"]
    assert exposure["data_written"] is False
    assert [exposure[key] for key in exposure if key not in {*_REQUIRED, "data_written"}] == [None] * 14


_REQUIRED = ("expid", "night", "data_written_at", "sequence")


def _plain(value: Any) -> Any:
    """Return a message as dicts, lists, numbers, texts and datetimes."""
    return _lists(msgspec.to_builtins(value, builtin_types=(datetime,)))


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value
