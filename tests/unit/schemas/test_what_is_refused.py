"""Whatever is wrong with a body becomes a DecodeError that says what, under the right word."""

import json
import math
from copy import deepcopy
from typing import Any, get_args

import msgspec
import pytest
from tests.unit.schemas.examples import ENCODINGS, MESSAGES, body_of, envelope_for, fields_of

from exposure_schemas import JSON, MESSAGE_TYPES, MOST_BYTES, MSGPACK, DecodeError, Envelope, Reason, SchemaError
from exposure_schemas import decode as decode_body

every_type = pytest.mark.parametrize("message_type", MESSAGE_TYPES)
both_encodings = pytest.mark.parametrize("content_type", ENCODINGS)


def refusal_of(body: bytes, envelope: Envelope) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode_body(body, envelope)
    return caught.value


def refusal_of_fields(fields: Any, message_type: str, content_type: str) -> DecodeError:
    return refusal_of(body_of(fields, content_type), envelope_for(message_type, content_type))


def summary_with(**exposure_fields: Any) -> dict[str, Any]:
    """Return the fields of a summary whose exposure says something else."""
    fields = deepcopy(fields_of("exposure-summary"))
    fields["exposures"] = [{**fields["exposures"][0], **exposure_fields}]
    return fields


@every_type
def test_a_body_that_was_cut_anywhere_is_unreadable(message_type: str) -> None:
    body = body_of(fields_of(message_type), MSGPACK)
    assert {refusal_of(body[:end], envelope_for(message_type)).reason for end in range(len(body))} == {"unreadable"}


@every_type
def test_a_cut_json_body_is_refused_too_perhaps_for_a_number_that_was_cut_short(message_type: str) -> None:
    body = body_of(fields_of(message_type), JSON)
    reasons = {refusal_of(body[:end], envelope_for(message_type, JSON)).reason for end in range(len(body))}
    assert reasons <= {"unreadable", "invalid"}


@both_encodings
def test_a_body_with_something_behind_it_is_unreadable(content_type: str) -> None:
    body = body_of(fields_of("heartbeat"), content_type)
    assert refusal_of(body + b"\x01", envelope_for("heartbeat", content_type)).reason == "unreadable"


def test_a_body_in_the_other_encoding_is_refused() -> None:
    fields = fields_of("heartbeat")
    assert refusal_of(body_of(fields, MSGPACK), envelope_for("heartbeat", JSON)).reason == "unreadable"
    assert isinstance(refusal_of(body_of(fields, JSON), envelope_for("heartbeat", MSGPACK)), DecodeError)


@both_encodings
def test_a_body_one_byte_too_large_is_not_even_looked_at(content_type: str) -> None:
    envelope = envelope_for("heartbeat", content_type)
    assert refusal_of(b" " * (MOST_BYTES + 1), envelope).reason == "too-large"
    assert refusal_of(b" " * MOST_BYTES, envelope).reason != "too-large"


@pytest.mark.parametrize("version", [None, 0, 2, -1, True, 1.0, "1", b"1", [1], {"major": 1}])
def test_only_the_integer_1_is_our_version(version: Any) -> None:
    body = body_of(fields_of("heartbeat"), MSGPACK)
    refusal = refusal_of(body, Envelope(type="heartbeat", content_type=MSGPACK, schema_version=version))
    assert refusal.reason == "unknown-version"
    assert repr(version) in refusal.detail


@pytest.mark.parametrize("message_type", [None, "", "Heartbeat", "exposure_summary", "exposure-summary "])
def test_a_type_that_is_not_ours_is_refused_with_those_that_are(message_type: str | None) -> None:
    body = body_of(fields_of("heartbeat"), MSGPACK)
    refusal = refusal_of(body, Envelope(type=message_type, content_type=MSGPACK, schema_version=1))
    assert refusal.reason == "unknown-type"
    assert repr(message_type) in refusal.detail
    assert all(known in refusal.detail for known in MESSAGE_TYPES)


@pytest.mark.parametrize("content_type", [None, "", "application/x-msgpack", "text/plain", "application/JSON"])
def test_an_encoding_that_is_not_ours_is_refused_with_those_that_are(content_type: str | None) -> None:
    body = body_of(fields_of("heartbeat"), MSGPACK)
    refusal = refusal_of(body, Envelope(type="heartbeat", content_type=content_type, schema_version=1))
    assert refusal.reason == "unknown-encoding"
    assert repr(content_type) in refusal.detail
    assert MSGPACK in refusal.detail
    assert JSON in refusal.detail


def every_field() -> list[tuple[str, tuple[str | int, ...]]]:
    """Return each field of each message type, and of what lies in it, as a path."""
    (exposure,) = fields_of("exposure-summary")["exposures"]
    places: list[tuple[str, tuple[str | int, ...]]] = [
        (name, (field,)) for name, message in MESSAGES.items() for field in message.__struct_fields__
    ]
    places += [("exposure-summary", ("exposures", 0, field)) for field in exposure]
    places += [("exposure-summary", ("exposures", 0, "files", 0, field)) for field in exposure["files"][0]]
    return places


def shown(path: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


@both_encodings
@pytest.mark.parametrize(("message_type", "path"), every_field(), ids=str)
def test_a_value_of_a_wrong_type_is_refused_with_its_place(
    message_type: str, path: tuple[str | int, ...], content_type: str
) -> None:
    fields: Any = deepcopy(fields_of(message_type))
    holder = fields
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = {"never": "this"}
    refusal = refusal_of_fields(fields, message_type, content_type)
    assert refusal.reason == "invalid"
    assert shown(path) in refusal.detail


@both_encodings
@every_type
def test_a_message_without_a_required_field_is_refused(message_type: str, content_type: str) -> None:
    for field in msgspec.structs.fields(MESSAGE_TYPES[message_type]):
        if not field.required:
            continue
        fields = {name: value for name, value in fields_of(message_type).items() if name != field.name}
        refusal = refusal_of_fields(fields, message_type, content_type)
        assert refusal.reason == "invalid"
        assert f"`{field.name}`" in refusal.detail


@both_encodings
@pytest.mark.parametrize("body", [None, 1, "heartbeat", [], [1, 2]])
def test_a_body_that_is_no_map_is_refused(body: Any, content_type: str) -> None:
    assert refusal_of_fields(body, "heartbeat", content_type).reason == "invalid"


WRONG_VALUES = [
    {"sequence": 0},
    {"sequence": -1},
    {"sequence": 2**63},
    {"expid": -1},
    {"expid": 2**63},
    {"expid": True},
    {"expid": 111449.0},
    {"expid": "111449"},
    {"night": 0},
    {"night": -99},
    {"night": "20211129"},
    {"tile_id": 2**63},
    {"data_written": 1},
    {"data_written": None},
    {"data_written_at": None},
    {"data_written_at": 1638242469},
    {"skyra": "23.4"},
    {"files": [{"name": "a.fits", "file_class": None, "size": -1}]},
    {"files": [{"name": "a.fits", "file_class": None, "size": 1, "sha256": "0F" * 32}]},
    {"files": [{"name": "a.fits", "file_class": None, "size": 1, "sha256": "0f" * 32 + "\n"}]},
]


@both_encodings
@pytest.mark.parametrize("wrong", WRONG_VALUES, ids=str)
def test_a_value_that_no_exposure_has_is_refused(wrong: dict[str, Any], content_type: str) -> None:
    refusal = refusal_of_fields(summary_with(**wrong), "exposure-summary", content_type)
    assert refusal.reason == "invalid"
    assert f"$.exposures[0].{next(iter(wrong))}" in refusal.detail


@both_encodings
@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc/passwd", "../a", "a\n", "\na", "a\0", "a\x7f", "a" * 256], ids=repr
)
def test_a_file_name_that_leads_elsewhere_is_refused(name: str, content_type: str) -> None:
    files = [{"name": name, "file_class": None, "size": 1}]
    assert refusal_of_fields(summary_with(files=files), "exposure-summary", content_type).reason == "invalid"


@both_encodings
@pytest.mark.parametrize("name", ["...", ".hidden", "a b.fits", "desi-00111449.fits.fz", "Übersicht.txt", "$(id)"])
def test_an_unusual_file_name_is_no_wrong_one(name: str, content_type: str) -> None:
    files = [{"name": name, "file_class": None, "size": 1}]
    fields = summary_with(files=files)
    message = decode_body(body_of(fields, content_type), envelope_for("exposure-summary", content_type))
    assert msgspec.to_builtins(message)["exposures"][0]["files"][0]["name"] == name


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "field", ["skyra", "skydec", "exptime", "seeing", "airmass", "transparency", "skylevel", "s2n"]
)
def test_what_is_no_number_is_refused(field: str, number: float) -> None:
    refusal = refusal_of_fields(summary_with(**{field: number}), "exposure-summary", MSGPACK)
    assert refusal.reason == "invalid"
    assert field in refusal.detail


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_json_spelling_of_it_is_read_either(word: str) -> None:
    body = json.dumps(summary_with(skyra="here"), default=str).replace('"here"', word).encode()
    assert refusal_of(body, envelope_for("exposure-summary", JSON)).reason in {"unreadable", "invalid"}


@both_encodings
@pytest.mark.parametrize("interval", [0, -5.0, None])
def test_a_heartbeat_whose_next_one_never_comes_is_refused(interval: float | None, content_type: str) -> None:
    refusal = refusal_of_fields(fields_of("heartbeat") | {"interval": interval}, "heartbeat", content_type)
    assert refusal.reason == "invalid"


@pytest.mark.parametrize("interval", [math.nan, math.inf])
def test_so_is_one_whose_interval_is_no_number(interval: float) -> None:
    refusal = refusal_of_fields(fields_of("heartbeat") | {"interval": interval}, "heartbeat", MSGPACK)
    assert refusal.reason == "invalid"


@both_encodings
@pytest.mark.parametrize("covers", [[5, 4], [0, 4], [1], [1, 2, 3], [1, 2**63], [1.0, 2], 5])
def test_a_span_that_is_none_is_refused(covers: Any, content_type: str) -> None:
    summary = fields_of("exposure-summary") | {"covers": covers}
    assert refusal_of_fields(summary, "exposure-summary", content_type).reason == "invalid"
    request = fields_of("replay-request") | {"missing": [[1, 2], covers]}
    assert refusal_of_fields(request, "replay-request", content_type).reason == "invalid"


@both_encodings
def test_a_reversed_span_is_refused_with_both_ends(content_type: str) -> None:
    refusal = refusal_of_fields(fields_of("exposure-summary") | {"covers": [9, 4]}, "exposure-summary", content_type)
    assert "[9, 4]" in refusal.detail


@both_encodings
def test_five_hundred_exposures_are_read_and_one_more_is_refused(content_type: str) -> None:
    fields = fields_of("exposure-summary")
    (exposure,) = fields["exposures"]
    fields["exposures"] = [exposure] * 500
    decode_body(body_of(fields, content_type), envelope_for("exposure-summary", content_type))
    fields["exposures"].append(exposure)
    assert refusal_of_fields(fields, "exposure-summary", content_type).reason == "invalid"


@both_encodings
@pytest.mark.parametrize("missing", [[], [[1, 1]] * 1001])
def test_a_request_asks_for_one_to_a_thousand_spans(missing: list[list[int]], content_type: str) -> None:
    fields = fields_of("replay-request") | {"missing": missing}
    assert refusal_of_fields(fields, "replay-request", content_type).reason == "invalid"


@both_encodings
@pytest.mark.parametrize("subscriber", ["", "a.b", "a b", "#", "*", "qlf\n", "-qlf", "ü", "q" * 65])
def test_a_subscriber_that_names_no_queue_is_refused(subscriber: str, content_type: str) -> None:
    fields = fields_of("replay-request") | {"subscriber": subscriber}
    assert refusal_of_fields(fields, "replay-request", content_type).reason == "invalid"


@both_encodings
@pytest.mark.parametrize("epoch", ["", "e" * 65, "a\0b", "a\n", "époque"])
@pytest.mark.parametrize("message_type", ["exposure-summary", "heartbeat", "replay-request"])
def test_an_epoch_that_no_ledger_has_is_refused(message_type: str, epoch: str, content_type: str) -> None:
    fields = fields_of(message_type) | {"epoch": epoch}
    assert refusal_of_fields(fields, message_type, content_type).reason == "invalid"


@both_encodings
@pytest.mark.parametrize("wrong", [{"level": "alarm"}, {"level": "INFO"}, {"message": ""}, {"message": "!" * 10_001}])
def test_an_alarm_that_ics_does_not_know_is_refused(wrong: dict[str, str], content_type: str) -> None:
    assert refusal_of_fields(fields_of("alarm") | wrong, "alarm", content_type).reason == "invalid"


def test_text_that_is_no_utf_8_is_unreadable() -> None:
    assert refusal_of(b"\x81\xa5epoch\xa1\xff", envelope_for("heartbeat", MSGPACK)).reason == "unreadable"
    assert refusal_of(b'{"epoch": "\xff"}', envelope_for("heartbeat", JSON)).reason == "unreadable"
    assert refusal_of(b'{"epoch": "\\ud800"}', envelope_for("heartbeat", JSON)).reason == "unreadable"


DEEP = 100_000
ARRAYS, MAPS = (b"\x91" * DEEP, b"[" * DEEP), (b"\x81\xa1x" * DEEP, b'{"x":' * DEEP)


@pytest.mark.parametrize(("msgpack_depth", "json_depth"), [ARRAYS, MAPS], ids=["arrays", "maps"])
def test_what_is_nested_without_end_in_an_unknown_field_is_too_deep(msgpack_depth: bytes, json_depth: bytes) -> None:
    msgpack_body = b"\x81\xabadded_later" + msgpack_depth + b"\xc0"
    json_body = b'{"added_later": ' + json_depth
    assert refusal_of(msgpack_body, envelope_for("heartbeat", MSGPACK)).reason == "too-deep"
    assert refusal_of(json_body, envelope_for("heartbeat", JSON)).reason == "too-deep"


@pytest.mark.parametrize(("msgpack_depth", "json_depth"), [ARRAYS, MAPS], ids=["arrays", "maps"])
@pytest.mark.parametrize(("message_type", "field"), [(name, path[0]) for name, path in every_field() if len(path) == 1])
def test_in_a_known_field_it_is_of_a_wrong_type(
    message_type: str, field: str, msgpack_depth: bytes, json_depth: bytes
) -> None:
    name = field.encode()
    msgpack_body = b"\x81" + bytes([0xA0 | len(name)]) + name + msgpack_depth + b"\xc0"
    assert refusal_of(msgpack_body, envelope_for(message_type, MSGPACK)).reason == "invalid"
    json_body = b'{"' + name + b'": ' + json_depth
    assert refusal_of(json_body, envelope_for(message_type, JSON)).reason == "invalid"


@pytest.mark.parametrize("claimed", [2**16, 2**31, 2**32 - 1])
@pytest.mark.parametrize("head", [b"\x81\xa9exposures", b"\x81\xa9exposures\x91\x81\xa5files", b"\x81\xa5other"])
def test_an_array_that_claims_billions_is_refused_before_room_is_made_for_it(head: bytes, claimed: int) -> None:
    body = head + b"\xdd" + claimed.to_bytes(4, "big")
    assert refusal_of(body, envelope_for("exposure-summary")).reason in {"unreadable", "invalid"}


def test_the_reason_is_said_and_can_be_counted() -> None:
    refusal = refusal_of(b"", envelope_for("heartbeat"))
    assert isinstance(refusal, SchemaError)
    assert isinstance(refusal, ValueError)
    assert refusal.reason in get_args(Reason)
    assert str(refusal) == f"{refusal.reason}: {refusal.detail}"
