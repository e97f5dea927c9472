"""From the ledger's rows to messages, ready to publish."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pika

from exposure_bus.broker import properties_for
from exposure_publisher.errors import InvalidExposure
from exposure_publisher.ledger import LedgerRow
from exposure_publisher.ledger.rows import exposure_of
from exposure_schemas import (
    MSGPACK,
    AuditAnswer,
    AuditRequest,
    Exposure,
    ExposureSummary,
    Manifest,
    Retraction,
    Span,
    encode,
)

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 4 * 2**20
"""Bytes above which a message of several exposures is split in two; half of what readers accept."""

MOST_FILES: Final = 10_000
"""Files in a manifest beyond which it is not sent: with names of the greatest length that is `LARGEST_BODY`."""


Carried = Exposure | Retraction
"""What a summary tells of."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A message that is ready to publish."""

    body: bytes
    properties: pika.BasicProperties


@dataclass(frozen=True, slots=True)
class Outgoing(Packed):
    """A summary that is ready to publish."""

    message: ExposureSummary


class MessageMaker:
    """Makes summaries of one ledger.

    Args:
        epoch: The ledger's identity.
        content_type: How bodies are written.
    """

    def __init__(self, epoch: str, content_type: str = MSGPACK) -> None:
        self._epoch = epoch
        self._content_type = content_type

    def live(self, rows: Sequence[LedgerRow], after: int) -> Iterator[Outgoing]:
        """Make one message a row; each accounts for the numbers since the one before it.

        Args:
            rows: Ascending by number.
            after: The number before the first of them that is accounted for already.
        """
        for row in rows:
            yield self._outgoing(_carried([row]), (after + 1, row[0]), replayed=False)
            after = row[0]

    def packed(self, rows: Sequence[LedgerRow], covers: Span | None, *, replayed: bool) -> Iterator[Outgoing]:
        """Make one message of many rows, or several where it would be too large.

        Args:
            rows: At most `exposure_schemas.MOST_EXPOSURES`, ascending by number.
            covers: The span that they account for together.
            replayed: Whether this answers a replay.
        """
        yield from self._split(_carried(rows), covers, replayed)

    def _split(self, carried: Sequence[Carried], covers: Span | None, replayed: bool) -> Iterator[Outgoing]:
        outgoing = self._outgoing(carried, covers, replayed=replayed)
        if len(outgoing.body) <= LARGEST_BODY or len(carried) == 1:
            yield outgoing
            return
        half = len(carried) // 2
        border = carried[half - 1].sequence
        yield from self._split(carried[:half], covers and (covers[0], border), replayed)
        yield from self._split(carried[half:], covers and (border + 1, covers[1]), replayed)

    def audited(self, answer: AuditAnswer, request: AuditRequest) -> Packed:
        """Make the message of one part of an audit's answer."""
        properties = properties_for(answer, f"{request.reply_to}-{answer.part}", self._content_type)
        return Packed(encode(answer, self._content_type), properties)

    @property
    def epoch(self) -> str:
        """The ledger's identity."""
        return self._epoch

    def _outgoing(self, carried: Sequence[Carried], covers: Span | None, *, replayed: bool) -> Outgoing:
        message = ExposureSummary(
            epoch=self._epoch,
            covers=covers,
            replayed=replayed,
            published_at=datetime.now(UTC),
            exposures=tuple(each for each in carried if isinstance(each, Exposure)),
            retracted=tuple(each for each in carried if isinstance(each, Retraction)),
        )
        numbers = covers or tuple(each.sequence for each in carried[:: max(1, len(carried) - 1)])
        properties = properties_for(message, self._message_id(numbers, replayed=replayed), self._content_type)
        return Outgoing(encode(message, self._content_type), properties, message)

    def _message_id(self, numbers: Sequence[int], *, replayed: bool) -> str:
        return "-".join([self._epoch, *map(str, numbers), *(["replay"] if replayed else [])])


def announced(row: Mapping[str, Any], sequence: int, files: Manifest | None) -> Exposure:
    """Return an exposure as it is announced; a manifest that no message can carry is left out.

    Raises:
        InvalidExposure: It cannot be announced.
    """
    exposure = exposure_of(row, sequence, files)
    if len(files or ()) <= MOST_FILES:
        return exposure
    log.error("exposure %d: its manifest of %d files is too large to send", exposure.expid, len(files or ()))
    return msgspec.structs.replace(exposure, files=None)


def _carried(rows: Sequence[LedgerRow]) -> list[Carried]:
    carried: list[Carried] = []
    for sequence, expid, row, files in rows:
        try:
            carried.append(_retraction(expid, sequence) if row is None else announced(row, sequence, files))
        except InvalidExposure as error:
            log.error("%s", error)  # noqa: TRY400 (a bad row is the writer's, and no crash of ours)
    return carried


def _retraction(expid: int, sequence: int) -> Retraction:
    try:
        return msgspec.convert({"expid": expid, "sequence": sequence}, Retraction)
    except msgspec.ValidationError as error:
        raise InvalidExposure(f"exposure {expid} cannot be retracted: {error}") from error
