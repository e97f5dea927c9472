"""What is to be said of one exposure, the publisher's word beside what the cache holds."""

from enum import StrEnum

from exposure_schemas import AuditedExposure, Exposure, as_digest, digest_of
from exposure_subscriber.cache.spans import Spans


class Verdict(StrEnum):
    """What is to be said of an exposure."""

    OK = "ok"
    """It is here as it was announced, or newer."""
    NOT_ANNOUNCED = "not announced"
    """It stands in the exposureDB, or changed there, and the publisher has not announced that."""
    HOLE = "hole"
    """Its number is missing here, and the follower knows it."""
    OLDER = "older"
    """An older state is here, though its number counts as received."""
    DIFFERS = "differs"
    """Another state is here under the same number."""
    EXTRA = "extra"
    """It is here, and not in the exposureDB."""

    @property
    def agrees(self) -> bool:
        """Whether there is nothing to heal."""
        return self is Verdict.OK


def judge(truth: AuditedExposure, here: Exposure | None, covered: Spans) -> Verdict:
    """Compare.

    Args:
        truth: What the publisher said.
        here: What the cache held after that; None if it has no such exposure.
        covered: Which numbers were accounted for here before `here` was read: what was lost is told by it from what
            is on its way.
    """
    if truth.waiting or truth.sequence is None:
        return Verdict.NOT_ANNOUNCED
    sequence = 0 if here is None else here.sequence
    if sequence < truth.sequence:
        return Verdict.OLDER if truth.sequence in covered else Verdict.HOLE
    if here is not None and sequence == truth.sequence and as_digest(digest_of(here)) != truth.digest:
        return Verdict.DIFFERS
    return Verdict.OK
