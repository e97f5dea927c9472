"""The settings, without passwords, and where each comes from."""

from collections.abc import Iterator
from typing import Any

from exposure_bus.doctor.finding import Finding, ok
from exposure_bus.doctor.host import Host
from exposure_bus.settings import NAMES, redacted


def check_configuration(host: Host) -> Iterator[Finding]:
    """Show each setting; a wrong one has ended the command before."""
    for name in NAMES:
        yield ok(f"setting {name}", f"{_shown(getattr(host.settings, name))} (from: {host.sources[name]})")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{prefix}={here}" for prefix, here in value.items()) or "empty"
    return redacted(value)
