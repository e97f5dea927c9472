"""What is known of the host that is examined."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from exposure_bus.doctor.finding import Finding
from exposure_bus.settings import DEFAULT, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The host's settings, and where each comes from."""

    settings: Settings
    """The settings."""
    sources: Mapping[str, str]
    """Setting's name to its source, as `exposure_bus.settings.setting_sources` tells."""

    def chose(self, name: str) -> bool:
        """Return whether somebody has set a setting: then what it names is expected to be there."""
        return self.sources[name] != DEFAULT


Check = Callable[[Host], Iterable[Finding]]
"""Looks at one part of a host. What it raises of our errors becomes a finding that failed."""
