"""From messages to bytes and back: msgpack by default, JSON for foreign tools.

Reading never trusts: the size is checked first, then the type, the version and the encoding that the AMQP
properties name, and then every value against the types. Whatever is wrong becomes a `DecodeError` with its reason.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from exposure_schemas.alarm import Alarm
from exposure_schemas.audit import AuditAnswer, AuditRequest
from exposure_schemas.errors import DecodeError, InvalidValue
from exposure_schemas.heartbeat import Heartbeat
from exposure_schemas.replay_request import ReplayRequest
from exposure_schemas.summary import ExposureSummary

Message = ExposureSummary | Heartbeat | ReplayRequest | AuditRequest | AuditAnswer | Alarm

SCHEMA_VERSION: Final = 1
"""Raised when a reader of the old version could misread the new; a new optional field does not raise it."""

MOST_BYTES: Final = 8 * 2**20
"""The largest body that is read: eight times a full replay message with manifests."""

MSGPACK: Final = "application/msgpack"
JSON: Final = "application/json"

MESSAGE_TYPES: Final[dict[str, type[Message]]] = {
    "exposure-summary": ExposureSummary,
    "heartbeat": Heartbeat,
    "replay-request": ReplayRequest,
    "audit-request": AuditRequest,
    "audit-answer": AuditAnswer,
    "alarm": Alarm,
}
"""The AMQP property ``type`` and what it stands for."""

TYPE_NAMES: Final = {message_type: name for name, message_type in MESSAGE_TYPES.items()}

_TO_MSGPACK: Final = msgspec.msgpack.Encoder()
_TO_JSON: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[tuple[str, str], Any]] = {
    (content_type, name): module.Decoder(message_type)
    for content_type, module in ((MSGPACK, msgspec.msgpack), (JSON, msgspec.json))
    for name, message_type in MESSAGE_TYPES.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The AMQP properties that say how to read a body."""

    type: str | None
    """What the body is: a key of `MESSAGE_TYPES`."""
    content_type: str | None
    """How it is written: `MSGPACK` or `JSON`."""
    schema_version: Any
    """The header of that name, whatever a foreign sender put there."""


def envelope(message: Message, content_type: str = MSGPACK) -> Envelope:
    """Return the envelope under which `encode` writes a message."""
    return Envelope(type=TYPE_NAMES[type(message)], content_type=content_type, schema_version=SCHEMA_VERSION)


def encode(message: Message, content_type: str = MSGPACK) -> bytes:
    """Write a message as msgpack, or as JSON.

    Raises:
        InvalidValue: It holds text that is no Unicode (a file name of other bytes), or a number too large for msgpack.
    """
    try:
        return _TO_JSON.encode(message) if content_type == JSON else _TO_MSGPACK.encode(message)
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidValue(f"this {TYPE_NAMES[type(message)]} cannot be written: {error}") from error


def decode(body: bytes, properties: Envelope) -> Message:
    """Read a body as the message that its properties name.

    Args:
        body: The bytes as they came.
        properties: What the AMQP properties say of them.

    Returns:
        The validated message.

    Raises:
        DecodeError: It is too large, of an unknown type, version or encoding, unreadable, nested too deep,
            or a value is not what the type allows; the message says where.
    """
    if len(body) > MOST_BYTES:
        raise DecodeError("too-large", f"{len(body)} bytes, at most {MOST_BYTES} are read")
    decoder = _decoder_for(properties)
    try:
        message: Message = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise DecodeError("invalid", str(error)) from error
    except RecursionError as error:
        raise DecodeError("too-deep", "nested deeper than any message of ours") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError("unreadable", f"not {properties.content_type}: {error}") from error
    except (ValueError, OverflowError) as error:  # a time that rounds up into the year 10000
        raise DecodeError("invalid", str(error)) from error
    return message


def _decoder_for(properties: Envelope) -> Any:
    if properties.type not in MESSAGE_TYPES:
        raise DecodeError("unknown-type", f"type {properties.type!r}, known are {', '.join(MESSAGE_TYPES)}")
    if type(properties.schema_version) is not int or properties.schema_version != SCHEMA_VERSION:
        raise DecodeError("unknown-version", f"schema_version {properties.schema_version!r}, read is {SCHEMA_VERSION}")
    decoder = _DECODERS.get((properties.content_type or "", properties.type))
    if decoder is None:
        raise DecodeError(
            "unknown-encoding", f"content_type {properties.content_type!r}, read are {MSGPACK} and {JSON}"
        )
    return decoder
