"""The audit itself: nights whose digests agree are proved; of the others each exposure is looked at."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from time import monotonic, sleep
from typing import Final

from exposure_bus.database import watching
from exposure_bus.errors import Incomplete
from exposure_schemas import MOST_EXPOSURES, AuditedExposure, Exposure, NightDigest, as_digest
from exposure_subscriber.audit.asking import Answer
from exposure_subscriber.audit.cached import CachedNight, cached_exposures, cached_nights, cached_of, covered
from exposure_subscriber.audit.verdict import Verdict, judge
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.spans import Spans
from exposure_subscriber.cache.waiting import CHANNEL, wait_for

ON_ITS_WAY: Final = 5.0
"""Seconds that what the publisher has sent may take to be here, before it counts as missing."""

LOOK_AGAIN: Final = 0.5
"""Seconds after which the publisher is asked again about changes that it has not announced."""

Ask = Callable[..., Answer]
"""`exposure_subscriber.audit.asking.Publisher.ask`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One exposure, both sides of it."""

    expid: int
    """Exposure number."""
    night: int
    """Night, YYYYMMDD."""
    truth: AuditedExposure | None
    """What the publisher says; None if the exposureDB has no such exposure."""
    here: Exposure | None
    """What the cache holds."""
    verdict: Verdict
    """What is to be said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an audit has found."""

    newest: int
    """Up to which number the publisher had announced."""
    nights: int
    """How many nights were compared."""
    exposures: int
    """How many exposures the exposureDB has in them."""
    findings: tuple[Finding, ...]
    """Each exposure of the nights that were looked at one by one, ascending by night and expid."""

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """Those of which not everything is here."""
        return tuple(each for each in self.findings if not each.verdict.agrees)


class Audit:
    """Compares a cache with the exposureDB that it is a copy of.

    Args:
        database: The cache.
        ask: Asks the publisher.

    Every method raises `NoAnswer`, `DatabaseError`, `BrokerError`, and `Incomplete` where the cache follows another
    ledger than the one that answers.
    """

    def __init__(self, database: CacheDatabase, ask: Ask) -> None:
        self._database = database
        self._ask = ask
        self._newest = 0

    def all_nights(self, progress: Callable[[int, int], object] = lambda _done, _of: None) -> Proof:
        """Compare everything there is.

        Args:
            progress: Called with how many of the nights that differ have been looked at, and how many there are.
        """
        answer = self._answer()
        told = {digest.night: digest for digest in answer.nights}
        here = cached_nights(self._database)
        differing = sorted(n for n in told.keys() | here.keys() if not _agree(told.get(n), here.get(n)))
        findings = []
        for done, night in enumerate(differing):
            progress(done, len(differing))
            findings.append(self._night(night))
        progress(len(differing), len(differing))
        return Proof(
            newest=answer.newest,
            nights=len(told.keys() | here.keys()),
            exposures=sum(digest.exposures for digest in told.values()),
            findings=self._settled(list(chain.from_iterable(findings))),
        )

    def night(self, night: int) -> Proof:
        """Compare each exposure of a night."""
        settled = self._settled(self._night(night))
        there = sum(each.truth is not None for each in settled)
        return Proof(newest=self._newest, nights=1, exposures=there, findings=settled)

    def _answer(self, night: int | None = None, expids: Sequence[int] = ()) -> Answer:
        answer = self._ask(night=night, expids=expids)
        epoch = read_freshness(self._database).epoch
        if epoch and epoch != answer.epoch:
            raise Incomplete(
                f"the cache is a copy of the ledger {epoch}, and {answer.epoch} answers: it was rebuilt, or another "
                "publisher is on this broker; the follower changes over once its own has fallen silent"
            )
        self._newest = answer.newest
        return answer

    def _night(self, night: int) -> list[Finding]:
        truths = {each.expid: each for each in self._answer(night=night).exposures}
        known = covered(self._database)  # before the rows: a number in it must be in rows that are read later
        here = cached_exposures(self._database, night, sorted(truths))
        return [_finding(expid, truths.get(expid), here.get(expid), known) for expid in truths.keys() | here.keys()]

    def _settled(self, findings: list[Finding]) -> tuple[Finding, ...]:
        """Look again at what may have been on its way."""
        settled = {each.expid: each for each in findings}
        settled |= {each.expid: each for each in self._asked_again(_of(Verdict.EXTRA, findings))}
        settled |= self._announced_meanwhile(_of(Verdict.NOT_ANNOUNCED, settled.values()))
        settled |= self._arrived_meanwhile(_of(Verdict.HOLE, settled.values()) + _of(Verdict.EXTRA, settled.values()))
        there = (each for each in settled.values() if each.truth is not None or each.here is not None)
        return tuple(sorted(there, key=lambda each: (each.night, each.expid)))

    def _arrived_meanwhile(self, doubtful: list[Finding]) -> dict[int, Finding]:
        """Wait a little for what the publisher had sent, states and retractions, and look what of it is here now."""
        if not doubtful:
            return {}
        with watching(self._database.url, CHANNEL) as watch:
            wait_for(lambda: not covered(self._database).missing(self._newest), watch, ON_ITS_WAY)
        known = covered(self._database)
        here = {each.expid: each for each in cached_of(self._database, [each.expid for each in doubtful])}
        return {each.expid: _finding(each.expid, each.truth, here.get(each.expid), known) for each in doubtful}

    def _asked_again(self, doubtful: list[Finding]) -> list[Finding]:
        """Ask for exposures by their numbers: the night of one may be another by now."""
        again = []
        for first in range(0, len(doubtful), MOST_EXPOSURES):
            expids = [each.expid for each in doubtful[first : first + MOST_EXPOSURES]]
            truths = {each.expid: each for each in self._answer(expids=expids).exposures}
            known = covered(self._database)
            here = {each.expid: each for each in cached_of(self._database, expids)}
            again += [_finding(expid, truths.get(expid), here.get(expid), known) for expid in expids]
        return again

    def _announced_meanwhile(self, waiting: list[Finding]) -> dict[int, Finding]:
        """Wait a little for changes to be announced; where many wait, the publisher is behind, and is not asked."""
        settled: dict[int, Finding] = {}
        deadline = monotonic() + ON_ITS_WAY
        while waiting and len(waiting) <= MOST_EXPOSURES:
            before = {each.expid: each for each in waiting}
            for each in self._asked_again(waiting):
                settled[each.expid] = _moved_on(before[each.expid], each)
            waiting = _of(Verdict.NOT_ANNOUNCED, settled.values())
            if monotonic() > deadline:
                break
            sleep(LOOK_AGAIN)
        return settled


def _finding(expid: int, truth: AuditedExposure | None, here: Exposure | None, known: Spans) -> Finding:
    night = truth.night if truth is not None else here.night if here is not None else 0
    verdict = Verdict.EXTRA if truth is None else judge(truth, here, known)
    return Finding(expid=expid, night=night, truth=truth, here=here, verdict=verdict)


def _of(verdict: Verdict, findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.verdict is verdict]


def _moved_on(before: Finding, after: Finding) -> Finding:
    """Let a change count as announced where it got its number meanwhile, though the next one waits already."""
    numbers = [each.truth and each.truth.sequence for each in (before, after)]
    moved = after.verdict is Verdict.NOT_ANNOUNCED and numbers[0] != numbers[1]
    return replace(after, verdict=Verdict.OK) if moved else after


def _agree(told: NightDigest | None, here: CachedNight | None) -> bool:
    if told is None or here is None:
        return False
    return not told.waiting and (told.exposures, told.digest) == (here.exposures, as_digest(here.digest))
