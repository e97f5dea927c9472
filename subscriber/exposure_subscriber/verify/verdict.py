"""What is said of a file, or of a whole exposure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from exposure_schemas import Exposure, ManifestFile


class State(StrEnum):
    """How a file stands to its manifest; the last two are said of an exposure."""

    VERIFIED = "verified"
    """Size and SHA-256 are the manifest's."""
    SIZE_AGREES = "size agrees"
    """The size is the manifest's, which has no SHA-256 of this file."""
    MISSING = "missing"
    """It should be there."""
    DIFFERS = "differs"
    """It is not what the manifest says, or no regular file."""
    EXTRA = "extra"
    """No manifest names it."""
    UNREADABLE = "unreadable"
    """It, or the folder it should be in, cannot be read."""
    QUARANTINED = "quarantined"
    """A bad copy that a fetch has set aside."""
    NO_MANIFEST = "no manifest"
    """Nobody has listed the exposure's files, so nothing can be said of them."""
    UNKNOWN = "unknown"
    """The cache has no such exposure."""


SOUND: Final = frozenset({State.VERIFIED, State.SIZE_AGREES})
"""States of files that are what they should be, as far as can be told."""

FINE: Final = SOUND | {State.QUARANTINED}
"""States that leave nothing to be done: what is in quarantine stands under no name of an exposure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one file, or of one exposure."""

    night: int | None = None
    """Night, YYYYMMDD; None if that cannot be told."""
    expid: int | None = None
    """Exposure number; None for what belongs to no exposure in particular."""
    name: str | None = None
    """Bare file name; None if it is said of an exposure or a folder."""
    file_class: str | None = None
    """Its class (spectro, fibermap, …), if it has one."""
    state: State
    """How it stands to its manifest."""
    detail: str | None = None
    """What was expected and found, where there is something to say."""
    path: str
    """The file or the folder; where this host cannot find it, as the ICS names it."""

    @classmethod
    def of(cls, exposure: Exposure, where: str, state: State, detail: str) -> Self:
        """Say something of a whole exposure.

        Args:
            exposure: The exposure.
            where: Its folder.
            state: How it stands.
            detail: What was found.
        """
        return cls(night=exposure.night, expid=exposure.expid, state=state, detail=detail, path=where)

    @classmethod
    def of_file(
        cls, exposure: Exposure, where: str, file: ManifestFile, state: State, detail: str | None = None
    ) -> Self:
        """Say something of a file that a manifest names; arguments as of `of`."""
        return cls(
            night=exposure.night,
            expid=exposure.expid,
            name=file.name,
            file_class=file.file_class,
            state=state,
            detail=detail,
            path=f"{where}/{file.name}",
        )

    def but(self, state: State, detail: str) -> Self:
        """Return another verdict on the same file."""
        return replace(self, state=state, detail=detail)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """What listings are ascending by."""
        return (self.night or 0, -1 if self.expid is None else self.expid, self.name or "", self.path)
