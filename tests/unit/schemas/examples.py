"""One message of each type, with every field filled."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from exposure_schemas import (
    JSON,
    MSGPACK,
    SCHEMA_VERSION,
    Alarm,
    AuditAnswer,
    AuditedExposure,
    AuditRequest,
    Envelope,
    Exposure,
    ExposureSummary,
    Heartbeat,
    ManifestFile,
    Message,
    NightDigest,
    ReplayRequest,
    Retraction,
)

EPOCH = "5b0f3a9c1d9e4f0f8a6c2b7d1e3f5a79"
WRITTEN_AT = datetime(2021, 11, 30, 3, 21, 9, 250000, tzinfo=UTC)

EXPOSURE = Exposure(
    expid=111449,
    skyra=23.3921,
    skydec=-2.6147,
    exptime=920.1,
    program="dark",
    tile_id=1345,
    exptype="science",
    date=datetime(2021, 11, 30, 3, 5, 26, 741022, tzinfo=UTC),
    night=20211129,
    seeing=1.04,
    airmass=1.23,
    transparency=0.97,
    skylevel=21.1,
    s2n=183.5,
    data_written=True,
    data_location="/exposures/desi/20211129/00111449",
    data_written_at=WRITTEN_AT,
    sequence=4712,
    files=(
        ManifestFile(name="desi-00111449.fits.fz", file_class="spectro", size=512004960, sha256="0f" * 32),
        ManifestFile(name="request-00111449.json", file_class="request", size=2113),
    ),
)

MESSAGES: dict[str, Message] = {
    "exposure-summary": ExposureSummary(
        epoch=EPOCH,
        covers=(4710, 4712),
        replayed=False,
        published_at=WRITTEN_AT,
        exposures=(EXPOSURE,),
        retracted=(Retraction(expid=111448, sequence=4711),),
    ),
    "heartbeat": Heartbeat(epoch=EPOCH, newest=4712, published_at=WRITTEN_AT, interval=5.0),
    "replay-request": ReplayRequest(
        subscriber="qlf", epoch=EPOCH, missing=((17, 23), (4700, 4700)), requested_at=WRITTEN_AT
    ),
    "audit-request": AuditRequest(reply_to="qlf.audit-0f3a9c1d", night=20211129, requested_at=WRITTEN_AT),
    "audit-answer": AuditAnswer(
        epoch=EPOCH,
        newest=4712,
        published_at=WRITTEN_AT,
        part=0,
        last=True,
        nights=(NightDigest(night=20211129, exposures=131, waiting=1, digest="0f" * 16),),
        exposures=(
            AuditedExposure(
                expid=111449,
                night=20211129,
                data_written=True,
                sequence=4712,
                waiting=False,
                digest="0f" * 16,
                numbered_at=WRITTEN_AT,
                confirmed_at=WRITTEN_AT,
            ),
        ),
    ),
    "alarm": Alarm(message="no flux in petal 3", level="ALARM", subscriber="qlf", host="qlf-1", raised_at=WRITTEN_AT),
}

ENCODINGS = (MSGPACK, JSON)


def fields_of(message_type: str) -> dict[str, Any]:
    """Return the fields of the example as a foreign writer would fill them in; times stay datetimes."""
    fields: dict[str, Any] = msgspec.to_builtins(MESSAGES[message_type], builtin_types=(datetime,))
    return fields


def body_of(fields: Any, content_type: str) -> bytes:
    """Write fields without asking whether they make sense."""
    return msgspec.json.encode(fields) if content_type == JSON else msgspec.msgpack.encode(fields)


def envelope_for(message_type: str, content_type: str = MSGPACK) -> Envelope:
    """Return the envelope of a message of ours."""
    return Envelope(type=message_type, content_type=content_type, schema_version=SCHEMA_VERSION)
