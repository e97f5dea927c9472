"""Reading the files that must be read, several at a time."""

import os
from collections.abc import Callable

from exposure_subscriber.fetch.hashing import Content, read_through
from exposure_subscriber.fetch.progress import Progress, Tally
from exposure_subscriber.fetch.threads import in_threads
from exposure_subscriber.verify.folder import what_else, why
from exposure_subscriber.verify.looking import ToRead
from exposure_subscriber.verify.plan import Plan
from exposure_subscriber.verify.verdict import State, Verdict


def carry_out(
    plan: Plan,
    *,
    jobs: int,
    advance: Callable[[int], None] | None = None,
    file_done: Callable[[], None] | None = None,
) -> list[Verdict]:
    """Read what is to be read, and return all verdicts, ascending by night, exposure and name.

    Args:
        plan: What there is to do.
        jobs: How many files at a time.
        advance: Called with increments of bytes read, from several threads.
        file_done: Called when a file is done, likewise.
    """
    progress = Progress(advance)

    def read(sayings: tuple[ToRead, ...]) -> list[Verdict]:
        verdicts = _verdicts(sayings, progress)
        if file_done is not None:
            file_done()
        return verdicts

    read_ones = in_threads(read, plan.to_read, jobs=jobs, progress=progress)
    verdicts = [*plan.settled, *(verdict for each in read_ones for verdict in each)]
    return sorted(verdicts, key=lambda verdict: verdict.order)


def _verdicts(sayings: tuple[ToRead, ...], progress: Progress) -> list[Verdict]:
    try:
        found = _read(sayings, Tally(progress))
    except OSError as error:
        return [each.verdict.but(State.UNREADABLE, f"cannot be read: {why(error)}") for each in sayings]
    return [_verdict(each, found) for each in sayings]


def _read(sayings: tuple[ToRead, ...], tally: Tally) -> Content | str:
    """Return what a file holds, its SHA-256 only where one is to be compared; or what it has become meanwhile."""
    first = sayings[0]
    with first.folder.file(first.file.name) as descriptor:
        state = os.fstat(descriptor)
        other = what_else(state)
        if other is not None:
            return f"is {other}"
        if not any(each.file.sha256 for each in sayings):
            return Content(size=state.st_size, sha256="")
        return read_through(lambda block, at: os.preadv(descriptor, [block], at), tally.add, first.file.size)


def _verdict(saying: ToRead, found: Content | str) -> Verdict:
    file = saying.file
    if isinstance(found, str):
        return saying.verdict.but(State.DIFFERS, found)
    if found.size != file.size:
        return saying.verdict.but(State.DIFFERS, "its size changed while it was read")
    if file.sha256 is not None and found.sha256 != file.sha256:
        return saying.verdict.but(State.DIFFERS, f"has SHA-256 {found.sha256} instead of {file.sha256}")
    return saying.verdict
