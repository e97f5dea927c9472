"""What was found, how bad it is, and what to do about it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    """As it should be."""
    NOT_HERE = "not here"
    """A part that this host does not have; another one may."""
    WARNING = "warning"
    """Somebody should look at it, and it works."""
    INCOMPLETE = "incomplete"
    """The cache lacks something, or may be behind."""
    FAILED = "failed"
    """It does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    check: str
    """What was looked at."""
    outcome: Outcome
    """How it ended."""
    finding: str
    """What was found."""
    advice: str = ""
    """What to do; empty where there is nothing to do."""


def ok(check: str, finding: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(check=check, outcome=Outcome.OK, finding=finding)


def not_here(check: str, finding: str, advice: str = "") -> Finding:
    """Return a finding of a part that this host does not have."""
    return Finding(check=check, outcome=Outcome.NOT_HERE, finding=finding, advice=advice)


def warning(check: str, finding: str, advice: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(check=check, outcome=Outcome.WARNING, finding=finding, advice=advice)


def incomplete(check: str, finding: str, advice: str) -> Finding:
    """Return a finding of a cache that lacks something."""
    return Finding(check=check, outcome=Outcome.INCOMPLETE, finding=finding, advice=advice)


def failed(check: str, finding: str, advice: str = "") -> Finding:
    """Return a finding of something that does not work."""
    return Finding(check=check, outcome=Outcome.FAILED, finding=finding, advice=advice)


_EXIT_CODES: Final = {Outcome.FAILED: 1, Outcome.INCOMPLETE: 4}
"""The worse comes first."""


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 if something failed, else 4 if the cache is incomplete, else 0."""
    outcomes = {finding.outcome for finding in findings}
    return next((code for outcome, code in _EXIT_CODES.items() if outcome in outcomes), 0)


def sums(findings: Iterable[Finding]) -> str:
    """Return how many findings of each kind there are, the worst first: ``1 failed, 2 warning, 17 ok``."""
    counts = Counter(finding.outcome for finding in findings)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in reversed(Outcome) if counts[outcome])
