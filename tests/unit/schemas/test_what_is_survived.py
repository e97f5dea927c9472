"""Whatever comes, reading it ends in a message or in a DecodeError, and in nothing else."""

from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.schemas.any_message import any_message
from tests.unit.schemas.examples import ENCODINGS, MESSAGES, envelope_for

from exposure_schemas import MESSAGE_TYPES, DecodeError, Envelope, Message, decode, encode, envelope

types = st.sampled_from(sorted(MESSAGE_TYPES))
encodings = st.sampled_from(ENCODINGS)


def read(body: bytes, properties: Envelope) -> Message | None:
    try:
        return decode(body, properties)
    except DecodeError:
        return None


@given(body=st.binary(max_size=2000), message_type=types, content_type=encodings)
@example(
    body=b"\x81\xacpublished_at\xc7\x0c\xff\x3b\x9a\xc9\xff\x00\x00\x00\x3a\xff\xf4\x41\x7f",
    message_type="heartbeat",
    content_type="application/msgpack",
)
def test_any_bytes(body: bytes, message_type: str, content_type: str) -> None:
    read(body, envelope_for(message_type, content_type))


@given(
    body=st.binary(max_size=20),
    message_type=st.none() | st.text(),
    content_type=st.none() | st.text(),
    version=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=3
    ),
)
def test_any_properties(body: bytes, message_type: str | None, content_type: str | None, version: object) -> None:
    assert read(body, Envelope(type=message_type, content_type=content_type, schema_version=version)) is None


@given(message=any_message, content_type=encodings, data=st.data())
def test_a_message_with_bytes_changed_on_the_way(message: Message, content_type: str, data: st.DataObject) -> None:
    body = bytearray(encode(message, content_type))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    changed = read(bytes(body), envelope(message, content_type))
    if changed is not None:
        again = encode(changed, content_type)
        assert decode(again, envelope(changed, content_type)) == changed


@given(body_type=types, message_type=types, content_type=encodings)
def test_a_message_under_another_ones_name(body_type: str, message_type: str, content_type: str) -> None:
    body = encode(MESSAGES[body_type], content_type)
    found = read(body, envelope_for(message_type, content_type))
    assert (found == MESSAGES[body_type]) == (body_type == message_type)
