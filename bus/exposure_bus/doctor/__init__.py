"""The doctor: what is well on this host, what is not, and what to do about it. It looks and changes nothing.

What every host has is checked here; each side contributes what it knows of by the entry points of the group
``exposure_bus.checks``: functions that take a `Host` and yield `Finding`s.
"""

from exposure_bus.doctor.examination import examine
from exposure_bus.doctor.finding import Finding, Outcome, exit_code, failed, incomplete, not_here, ok, sums, warning
from exposure_bus.doctor.host import Check, Host

__all__ = [
    "Check",
    "Finding",
    "Host",
    "Outcome",
    "examine",
    "exit_code",
    "failed",
    "incomplete",
    "not_here",
    "ok",
    "sums",
    "warning",
]
