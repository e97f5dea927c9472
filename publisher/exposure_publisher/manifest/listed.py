"""A manifest as the ledger keeps it: with what says which files need not be hashed again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exposure_publisher.manifest.stamp import Stamp
from exposure_schemas import Manifest


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of an exposure."""

    files: Manifest
    """What is announced."""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    """Of each file whose checksum was computed here, by name: what it was then."""

    def computed(self) -> dict[tuple[str, Stamp], str]:
        """Return the checksums that were computed here, each for its file as it was."""
        return {
            (file.name, self.stamps[file.name]): file.sha256
            for file in self.files
            if file.sha256 is not None and file.name in self.stamps
        }
