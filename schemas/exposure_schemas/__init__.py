"""What is said on the exposure bus: messages, codec, names. It imports nothing of ours and opens nothing."""

from exposure_schemas.alarm import ALARM_LEVELS, Alarm, AlarmLevel
from exposure_schemas.audit import MOST_NIGHTS, AuditAnswer, AuditedExposure, AuditRequest, NightDigest
from exposure_schemas.codec import (
    JSON,
    MESSAGE_TYPES,
    MOST_BYTES,
    MSGPACK,
    SCHEMA_VERSION,
    Envelope,
    Message,
    decode,
    encode,
    envelope,
)
from exposure_schemas.digest import as_digest, digest_of, sum_of
from exposure_schemas.errors import DecodeError, InvalidValue, Reason, SchemaError
from exposure_schemas.exposure import SUMMARY_KEYS, Exposure, summary_of
from exposure_schemas.file_classes import FILE_CLASSES, classes_asked, file_class_of
from exposure_schemas.heartbeat import Heartbeat
from exposure_schemas.manifest import Manifest, ManifestFile
from exposure_schemas.replay_request import ReplayRequest, SubscriberName
from exposure_schemas.retraction import Retraction
from exposure_schemas.routing import alarm_key, follower_queue, routing_key
from exposure_schemas.summary import MOST_EXPOSURES, ExposureSummary, Span

__all__ = [
    "ALARM_LEVELS",
    "FILE_CLASSES",
    "JSON",
    "MESSAGE_TYPES",
    "MOST_BYTES",
    "MOST_EXPOSURES",
    "MOST_NIGHTS",
    "MSGPACK",
    "SCHEMA_VERSION",
    "SUMMARY_KEYS",
    "Alarm",
    "AlarmLevel",
    "AuditAnswer",
    "AuditRequest",
    "AuditedExposure",
    "DecodeError",
    "Envelope",
    "Exposure",
    "ExposureSummary",
    "Heartbeat",
    "InvalidValue",
    "Manifest",
    "ManifestFile",
    "Message",
    "NightDigest",
    "Reason",
    "ReplayRequest",
    "Retraction",
    "SchemaError",
    "Span",
    "SubscriberName",
    "alarm_key",
    "as_digest",
    "classes_asked",
    "decode",
    "digest_of",
    "encode",
    "envelope",
    "file_class_of",
    "follower_queue",
    "routing_key",
    "sum_of",
    "summary_of",
]
