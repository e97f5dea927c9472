"""What is installed: Python, this software, and the packages that each side needs."""

import platform
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from exposure_bus.doctor.finding import Finding, failed, not_here, ok
from exposure_bus.doctor.host import Host

DISTRIBUTION: Final = "exposure-bus"

_DEVELOPERS: Final = ("all", "check", "test")
"""Extras that no host needs for its work."""

_REQUIREMENT: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(.*?extra == ['\"](?P<extra>[^'\"]+)['\"])?")

_SAME: Final = {"psycopg2-binary": ("psycopg2",)}
"""Packages that Linux distributions and conda have under another name."""


def check_installation(_host: Host) -> Iterator[Finding]:
    """Look at versions and extras."""
    distribution = metadata.distribution(DISTRIBUTION)
    yield ok("Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield ok(DISTRIBUTION, distribution.version)
    needed = _needed(distribution.requires or ())
    yield _packages("packages", needed.pop("", []))
    for extra in sorted(needed.keys() - set(_DEVELOPERS)):
        yield _packages(f"extra {extra}", needed[extra], extra)


def _needed(requirements: list[str] | tuple[str, ...]) -> dict[str, list[str]]:
    """Return extra to names of packages; what is always needed has the extra ``""``."""
    needed = defaultdict(list)
    for line in requirements:
        match = _REQUIREMENT.match(line)
        if match:
            needed[match["extra"] or ""].append(match["name"])
    return needed


def _packages(check: str, names: list[str], extra: str | None = None) -> Finding:
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if not missing:
        return ok(check, ", ".join(f"{name} {version}" for name, version in versions.items()))
    text = f"{', '.join(missing)} not installed"
    if extra is None:
        return failed(check, text, f"pip install {DISTRIBUTION}")
    return not_here(check, text, f"where it is needed: pip install '{DISTRIBUTION}[{extra}]'")


def _version(name: str) -> str | None:
    for known_as in (name, *_SAME.get(name, ())):
        try:
            return metadata.version(known_as)
        except metadata.PackageNotFoundError:
            continue
    return None
