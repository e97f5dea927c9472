"""From the ledger's rows to messages, ready to publish."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
import pika

from exposure_bus.broker import properties_for
from exposure_publisher.errors import InvalidExposure
from exposure_publisher.ledger import LedgerRow
from exposure_publisher.ledger.rows import exposure_of
from exposure_schemas import MSGPACK, Exposure, ExposureSummary, Span, encode

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 4 * 2**20
"""Bytes above which a message is split in two; half of what readers accept."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that is ready to publish."""

    message: ExposureSummary
    body: bytes
    properties: pika.BasicProperties


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
            yield self._outgoing(_exposures([row]), (after + 1, row[0]), replayed=False)
            after = row[0]

    def packed(self, rows: Sequence[LedgerRow], covers: Span | None, *, replayed: bool) -> Iterator[Outgoing]:
        """Make one message of many rows, or several where it would be too large.

        Args:
            rows: At most `exposure_schemas.MOST_EXPOSURES`, ascending by number.
            covers: The span that they account for together.
            replayed: Whether this answers a replay.
        """
        yield from self._split(_exposures(rows), covers, replayed)

    def _split(self, exposures: tuple[Exposure, ...], covers: Span | None, replayed: bool) -> Iterator[Outgoing]:
        outgoing = self._outgoing(exposures, covers, replayed=replayed)
        if len(outgoing.body) <= LARGEST_BODY:
            yield outgoing
        elif len(exposures) > 1:
            half = len(exposures) // 2
            border = exposures[half - 1].sequence
            yield from self._split(exposures[:half], covers and (covers[0], border), replayed)
            yield from self._split(exposures[half:], covers and (border + 1, covers[1]), replayed)
        else:
            yield self._without_manifest(exposures[0], covers, replayed)

    def _without_manifest(self, exposure: Exposure, covers: Span | None, replayed: bool) -> Outgoing:
        log.error(
            "exposure %d: its manifest of %d files is too large to send", exposure.expid, len(exposure.files or ())
        )
        return self._outgoing((msgspec.structs.replace(exposure, files=None),), covers, replayed=replayed)

    def _outgoing(self, exposures: tuple[Exposure, ...], covers: Span | None, *, replayed: bool) -> Outgoing:
        message = ExposureSummary(
            epoch=self._epoch,
            covers=covers,
            replayed=replayed,
            published_at=datetime.now(UTC),
            exposures=exposures,
        )
        properties = properties_for(message, self._message_id(message), self._content_type)
        return Outgoing(message, encode(message, self._content_type), properties)

    def _message_id(self, message: ExposureSummary) -> str:
        numbers = message.covers or tuple(
            exposure.sequence for exposure in message.exposures[:: max(1, len(message.exposures) - 1)]
        )
        return "-".join([self._epoch, *map(str, numbers), *(["replay"] if message.replayed else [])])


def _exposures(rows: Sequence[LedgerRow]) -> tuple[Exposure, ...]:
    exposures = []
    for sequence, row, files in rows:
        try:
            exposures.append(exposure_of(row, sequence, files))
        except InvalidExposure as error:
            log.error("%s", error)  # noqa: TRY400 (a bad row is the writer's, and no crash of ours)
    return tuple(exposures)
