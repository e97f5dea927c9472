"""The JSON Schemas say of a body what the decoder says of it, and the files are what the types give."""

import json
import re
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from tests.unit.schemas.another_msgpack import unpack
from tests.unit.schemas.any_message import any_message
from tests.unit.schemas.examples import MESSAGES, envelope_for, fields_of
from tests.unit.schemas.repository import JSON_SCHEMAS

from exposure_schemas import JSON, MESSAGE_TYPES, SCHEMA_VERSION, SUMMARY_KEYS, DecodeError, Message, decode, encode
from exposure_schemas.codec import TYPE_NAMES
from exposure_schemas.json_schema import schema_of, schema_text

every_type = pytest.mark.parametrize("message_type", MESSAGE_TYPES)

VALIDATORS = {
    name: Draft202012Validator(schema_of(name), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for name in MESSAGE_TYPES
}


def structs_in(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in (schema, *schema["$defs"].values()) if part["type"] == "object"]


@pytest.mark.drift
@every_type
def test_the_file_is_what_the_types_give(message_type: str) -> None:
    file = JSON_SCHEMAS / f"{message_type}.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(message_type), "run: python -m exposure_schemas"


@pytest.mark.drift
def test_there_is_a_file_for_each_message_type_and_no_other() -> None:
    assert {file.name for file in JSON_SCHEMAS.iterdir()} == {f"{name}.schema.json" for name in MESSAGE_TYPES}


@every_type
def test_a_schema_is_a_schema_of_the_dialect_it_names(message_type: str) -> None:
    schema = schema_of(message_type)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@every_type
def test_a_schemas_identity_holds_wherever_it_is_kept(message_type: str) -> None:
    assert schema_of(message_type)["$id"] == f"urn:exposure-bus:schema:{SCHEMA_VERSION}:{message_type}"


@every_type
def test_every_field_is_there_and_is_described(message_type: str) -> None:
    schema = schema_of(message_type)
    assert list(schema["properties"]) == list(MESSAGE_TYPES[message_type].__struct_fields__)
    for struct in structs_in(schema):
        assert struct["description"]
        assert all(field["description"].endswith((".", "…")) for field in struct["properties"].values())


def test_descriptions_carry_the_units() -> None:
    fields = schema_of("exposure-summary")["$defs"]["Exposure"]["properties"]
    assert tuple(fields)[:16] == SUMMARY_KEYS
    said = {name: field["description"] for name, field in fields.items()}
    assert "degrees" in said["skyra"]
    assert "degrees" in said["skydec"]
    assert "seconds" in said["exptime"]
    assert "arcsec" in said["seeing"]
    assert "mag/arcsec²" in said["skylevel"]
    assert "YYYYMMDD" in said["night"]


@every_type
def test_descriptions_use_the_words_of_json(message_type: str) -> None:
    text = schema_text(message_type)
    assert not re.search(r"\b(None|True|False)\b|``", text)


@every_type
def test_patterns_are_those_that_every_language_has(message_type: str) -> None:
    assert "(?" not in schema_text(message_type)


@given(message=any_message)
def test_what_we_write_as_json_fits_the_schema(message: Message) -> None:
    VALIDATORS[TYPE_NAMES[type(message)]].validate(json.loads(encode(message, JSON)))


@given(message=any_message)
def test_what_we_write_as_msgpack_fits_it_once_timestamps_are_strings(message: Message) -> None:
    body = unpack(encode(message))
    as_json = json.loads(json.dumps(body, default=lambda moment: moment.isoformat().replace("+00:00", "Z")))
    VALIDATORS[TYPE_NAMES[type(message)]].validate(as_json)


def both_say(fields: Any, message_type: str) -> bool:
    """Return what the schema and the decoder say of fields; they must say the same."""
    body = msgspec.json.encode(fields)
    fits = VALIDATORS[message_type].is_valid(json.loads(body))
    try:
        decode(body, envelope_for(message_type, JSON))
    except DecodeError:
        assert not fits, "only the schema takes it"
        return False
    assert fits, "only the decoder takes it"
    return True


ODD_NUMBERS = [0, 1, -1, 2**63, 1.5, 20211129]
ODD_TEXTS = [
    "",
    "x",
    ".",
    "..",
    "a/b",
    "all",
    "qlf",
    "EVENT",
    "0f" * 32,
    "q" * 300,
    "2021-11-30T03:21:09Z",
    "2021-11-30",
]
ODD_VALUES: list[Any] = [*ODD_NUMBERS, *ODD_TEXTS, None, True, False, {}, [], [1], [1, 2], [0, 1], [[1, 2]]]


@every_type
def test_schema_and_decoder_agree_about_odd_values_in_every_field(message_type: str) -> None:
    verdicts = set()
    for field in fields_of(message_type):
        verdicts |= {both_say(fields_of(message_type) | {field: odd}, message_type) for odd in ODD_VALUES}
    assert verdicts == {True, False}


@pytest.mark.parametrize("part", ["exposure", "file"])
def test_they_agree_about_odd_values_inside_an_exposure(part: str) -> None:
    verdicts = set()
    (exposure,) = fields_of("exposure-summary")["exposures"]
    for field in exposure if part == "exposure" else exposure["files"][0]:
        for odd in ODD_VALUES:
            changed = deepcopy(exposure)
            holder = changed if part == "exposure" else changed["files"][0]
            holder[field] = odd
            verdicts.add(both_say(fields_of("exposure-summary") | {"exposures": [changed]}, "exposure-summary"))
    assert verdicts == {True, False}


@every_type
def test_they_agree_about_what_may_be_left_out_and_added(message_type: str) -> None:
    fields = fields_of(message_type)
    assert both_say(fields | {"added_later": 1}, message_type)
    for left_out in fields:
        both_say({name: value for name, value in fields.items() if name != left_out}, message_type)
    (exposure,) = fields_of("exposure-summary")["exposures"]
    for left_out in exposure:
        rest = {name: value for name, value in exposure.items() if name != left_out}
        both_say(fields_of("exposure-summary") | {"exposures": [rest]}, "exposure-summary")


@every_type
def test_the_examples_fit(message_type: str) -> None:
    VALIDATORS[message_type].validate(json.loads(encode(MESSAGES[message_type], JSON)))
