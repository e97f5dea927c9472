"""What rsync's exit codes and complaints mean for a fetch.

Source of the codes: rsync(1), EXIT VALUES; 255 is ssh(1)'s own.
"""

import re
from types import MappingProxyType
from typing import Final

from exposure_subscriber.errors import FetchError, NoSpace, SourceUnreachable

_HERE: Final = (3, 11)
"""The codes of trouble with files of this host; what goes wrong with those of the other has 23."""

_FULL: Final = ("No space left on device", "Disk quota exceeded")

_BROKEN: Final = (
    "the connection broke, or was never made: try again, what has come is gone on with; "
    "by ssh one must get there without being asked anything"
)

_ADVICE: Final = MappingProxyType(
    {
        1: "is rsync 3.1.3 or newer on both hosts, and does a restricted key allow to read?",
        2: "is rsync 3.1.3 or newer on both hosts, and does the login there print nothing?",
        5: "check the module's name and who may read it in the daemon's rsyncd.conf; a password goes in RSYNC_PASSWORD",
        10: "does an rsync daemon run there, on this port, and does the firewall let it through?",
        12: _BROKEN,
        20: "rsync was interrupted: try again, what has come is gone on with",
        23: "is it there, and may the server read it?",
        24: "it vanished meanwhile: ask ICS whether it was moved",
        30: "nothing came for a minute: try again, what has come is gone on with",
        35: "the daemon does not answer: does it run there, and does the firewall let it through?",
        126: "rsync cannot be run there: install it on that host",
        127: "rsync is not installed there: install it on that host",
        255: _BROKEN,
    }
)

_NO_REASON: Final = re.compile(
    r"rsync(: (\[\w+\] )?(connection unexpectedly closed|read error|write error)| error:).*", re.ASCII | re.IGNORECASE
)
"""Lines that say no more than the exit code does; what led to them is said elsewhere, if anywhere."""


def failure(code: int, complaints: str, where: str) -> FetchError:
    """Return what is to be raised.

    Args:
        code: The exit code of rsync; negative for a signal.
        complaints: What it wrote to its standard error.
        where: What it was to read.
    """
    lines = ["".join(filter(str.isprintable, line)).strip() for line in complaints.splitlines()]
    reason = _reason([line for line in lines if line]) or f"rsync ended with code {code}"
    if code in _HERE:
        kind = NoSpace if any(full in complaints for full in _FULL) else FetchError
        return kind(f"cannot write what comes from {where}: {reason}")
    advice = _ADVICE.get(20 if code < 0 else code, "try again; if that fails too, try rsync by hand")
    return SourceUnreachable(f"cannot read {where}: {reason}: {advice}")


def _reason(lines: list[str]) -> str:
    telling = [line for line in lines if not _NO_REASON.fullmatch(line)]
    return (telling or lines or [""])[0].rstrip(".")
