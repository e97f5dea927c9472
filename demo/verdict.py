"""The verdict: whether all stations of the way say the same of every exposure."""

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from comparison import count_equal, differences, summary_of_json
from evidence import Evidence
from exposure_schemas import SUMMARY_KEYS

_ENDED_WELL: Final = (0, 128 + signal.SIGTERM)
"""Exit codes of a process that was asked to end."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What one station says."""

    name: str
    """What it is about."""
    count: int
    """For how many exposures it holds; of leftovers, how many there are."""
    what: str
    """What was looked at, for a person."""
    disagreements: tuple[str, ...]
    """What does not agree, each in a sentence."""


def judge(evidence: Evidence) -> tuple[Check, ...]:
    """Hold every station against the exposureDB, and the exposureDB against the night's table."""
    return (
        _played(evidence),
        _announced(evidence),
        _cached(evidence),
        _yielded(evidence),
        _fetched(evidence),
        _verified(evidence),
        _leftovers(evidence),
    )


def _played(evidence: Evidence) -> Check:
    night, there = set(evidence.night), set(evidence.rows)
    return Check(
        name="played",
        count=len(there),
        what=f"rows in the exposureDB, {len(evidence.written)} with data written",
        disagreements=(
            *_each(night - there, "is in the night's table, but not in the exposureDB"),
            *_each(there - night, "is in the exposureDB, but not in the night's table"),
        ),
    )


def _announced(evidence: Evidence) -> Check:
    in_order = sorted(evidence.announced, key=lambda entry: int(entry["sequence"]))
    newest = {entry["expid"]: summary_of_json(entry) for entry in in_order}
    return Check(
        name="announced",
        count=count_equal(evidence.rows, newest),
        what=f"seen on the bus by a tap, in {len(in_order)} messages",
        disagreements=tuple(differences(evidence.rows, newest, "on the bus")),
    )


def _cached(evidence: Evidence) -> Check:
    return Check(
        name="cached",
        count=count_equal(evidence.rows, evidence.cached),
        what=f"all {len(SUMMARY_KEYS)} values equal to the exposureDB's",
        disagreements=tuple(differences(evidence.rows, evidence.cached, "in the cache")),
    )


def _yielded(evidence: Evidence) -> Check:
    calls = Counter(expid for expid, _ in evidence.called)
    written = set(evidence.written)
    return Check(
        name="yielded",
        count=sum(calls[expid] == 1 for expid in written),
        what="by new_exposures, each exactly once",
        disagreements=(
            *_each(written - set(calls), "is written, but was not yielded"),
            *_each(set(calls) - written, "was yielded, but is not written"),
            *(f"exposure {expid} was yielded {times} times" for expid, times in sorted(calls.items()) if times > 1),
        ),
    )


def _fetched(evidence: Evidence) -> Check:
    missing = {expid: set(sums) - set(evidence.found[expid]) for expid, sums in evidence.promised.items()}
    files = sum(map(len, evidence.found.values()))
    return Check(
        name="fetched",
        count=sum(not names and expid not in evidence.failed for expid, names in missing.items()),
        what=f"by get_exposure_files: {files} files, {evidence.size / 1e6:.1f} MB",
        disagreements=(
            *(f"exposure {expid}: {why}" for expid, why in sorted(evidence.failed.items())),
            *(f"exposure {expid}: {name} was not fetched" for expid, name in _pairs(missing)),
        ),
    )


def _verified(evidence: Evidence) -> Check:
    wrong = {
        expid: {name for name, digest in sums.items() if evidence.found[expid].get(name) != digest}
        for expid, sums in evidence.promised.items()
    }
    return Check(
        name="verified",
        count=sum(not names for names in wrong.values()),
        what="hashed anew, against the instrument's own checksums",
        disagreements=tuple(
            f"exposure {expid}: {name} is there with another SHA-256 than the instrument's"
            for expid, name in _pairs(wrong)
            if name in evidence.found[expid]  # what is not there was named before
        ),
    )


def _leftovers(evidence: Evidence) -> Check:
    unasked = {expid: set(sums) - set(evidence.promised[expid]) for expid, sums in evidence.found.items()}
    left = (
        *(
            f"exposure {expid}: {name} lies with its files, and the instrument has none"
            for expid, name in _pairs(unasked)
        ),
        *(f"{path} was left lying" for path in evidence.strays),
        *_unsettled(evidence),
    )
    return Check(
        name="leftovers",
        count=len(left),
        what="no stray file, no hole, no message set aside",
        disagreements=left,
    )


def _unsettled(evidence: Evidence) -> Iterator[str]:
    status = evidence.status
    if status["missing"]:
        yield f"the cache has holes: {status['text']}"
    if status["rejected"]:
        yield f"the follower set aside {status['rejected']} messages that it could not read"
    for name, code in evidence.exit_codes.items():
        if code not in _ENDED_WELL:
            yield f"{name}, asked to end, did so with exit code {code}"


def _each(expids: Iterable[int], what: str) -> Iterator[str]:
    return (f"exposure {expid} {what}" for expid in sorted(expids))


def _pairs(names: dict[int, set[str]]) -> Iterator[tuple[int, str]]:
    return ((expid, name) for expid in sorted(names) for name in sorted(names[expid]))
