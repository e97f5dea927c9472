"""Answers to audits: digests of what the exposureDB holds, of each night or of each exposure.

The exposureDB is read page by page, and the broker, the database and the clock have their turns between two pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import msgspec

from exposure_publisher.errors import InvalidExposure
from exposure_publisher.ledger import Ledger
from exposure_publisher.ledger.audited import Audited
from exposure_publisher.ledger.selection import BEFORE_ALL
from exposure_publisher.relay.messages import MessageMaker, Packed, announced
from exposure_schemas import (
    MOST_NIGHTS,
    AuditAnswer,
    AuditedExposure,
    AuditRequest,
    NightDigest,
    as_digest,
    digest_of,
    sum_of,
)
from exposure_schemas.exposure import Expid, Night

PAGE: Final = 200
"""Exposures that are read in one turn: a few milliseconds."""

A_WORD_EVERY: Final = 5.0
"""Seconds after which who asked is sent a part with nothing in it: it takes long silence for no answer."""


def audit_pages(ledger: Ledger, maker: MessageMaker, request: AuditRequest, newest: int) -> Iterator[Packed | None]:
    """Answer an audit.

    Args:
        ledger: The ledger.
        maker: Makes the messages.
        request: What is asked.
        newest: The newest number that has been sent.

    Yields:
        Messages; None where others may have a turn before the next is ready.
    """
    answer = AuditAnswer(
        epoch=maker.epoch,
        newest=newest,
        published_at=datetime.now(UTC),
        part=0,
        last=False,
        nights=(),
        exposures=(),
    )
    parts = _of_exposures if request.night is not None or request.expids else _of_nights
    number = 0
    for part in parts(ledger, request, answer):
        if part is None:
            yield None
        else:
            yield maker.audited(msgspec.structs.replace(part, part=number), request)
            number += 1
    yield maker.audited(msgspec.structs.replace(answer, part=number, last=True), request)


def _of_nights(ledger: Ledger, request: AuditRequest, answer: AuditAnswer) -> Iterator[AuditAnswer | None]:
    nights: dict[int, NightDigest] = {}
    spoke_at = monotonic()
    for page in _pages(ledger, request):
        _count(nights, page)
        yield None
        if monotonic() - spoke_at >= A_WORD_EVERY:
            spoke_at = monotonic()
            yield answer
    for part in _split(sorted(nights.values(), key=_night), MOST_NIGHTS):
        yield _with(answer, nights=part)


def _of_exposures(ledger: Ledger, request: AuditRequest, answer: AuditAnswer) -> Iterator[AuditAnswer | None]:
    for page in _pages(ledger, request):
        yield None
        yield _with(answer, exposures=[_exposure(each) for each in page])


def _pages(ledger: Ledger, request: AuditRequest) -> Iterator[list[Audited]]:
    after = BEFORE_ALL
    while page := ledger.audited(after, PAGE, night=request.night, expids=request.expids):
        yield [each for each in page if _can_be_named(each.row)]
        after = page[-1].row["expid"]


def _can_be_named(row: Mapping[str, Any]) -> bool:
    """Whether a message can tell of a row: one that no message can carry was said in the log, and nobody misses it."""
    try:
        msgspec.convert((row["expid"], row["night"]), tuple[Expid, Night])
    except msgspec.ValidationError:
        return False
    return True


def _count(nights: dict[int, NightDigest], page: Sequence[Audited]) -> None:
    """Add a page to the digests of its nights."""
    for each in page:
        night = each.row["night"]
        known = nights.get(night) or NightDigest(night=night, exposures=0, waiting=0, digest=as_digest(0))
        number = _digest(each)
        nights[night] = NightDigest(
            night=night,
            exposures=known.exposures + 1,
            waiting=known.waiting + (number is None),
            digest=as_digest(sum_of((int(known.digest, 16), number or 0))),
        )


def _exposure(each: Audited) -> AuditedExposure:
    number = _digest(each)
    return AuditedExposure(
        expid=each.row["expid"],
        night=each.row["night"],
        data_written=bool(each.row["data_written"]),
        sequence=each.sequence,
        waiting=number is None,
        digest=None if number is None else as_digest(number),
        numbered_at=each.numbered_at,
        confirmed_at=each.confirmed_at,
    )


def _digest(each: Audited) -> int | None:
    """Return the digest of a state that was announced; None if it waits, or can never be announced."""
    if each.waiting or each.sequence is None:
        return None
    try:
        return digest_of(announced(each.row, each.sequence, each.files))
    except InvalidExposure:  # said when it was to be announced
        return None


def _night(digest: NightDigest) -> int:
    return digest.night


def _split(nights: Sequence[NightDigest], most: int) -> Iterator[Sequence[NightDigest]]:
    for first in range(0, len(nights), most):
        yield nights[first : first + most]


def _with(
    answer: AuditAnswer, *, nights: Sequence[NightDigest] = (), exposures: Sequence[AuditedExposure] = ()
) -> AuditAnswer:
    return msgspec.structs.replace(answer, nights=tuple(nights), exposures=tuple(exposures))
