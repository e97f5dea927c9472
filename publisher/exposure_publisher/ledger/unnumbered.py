"""An exposure whose change has no number yet, with the state that will be announced under it."""

from dataclasses import dataclass
from typing import Any

from exposure_publisher.manifest.listed import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnumbered:
    """Changes of one exposure up to `last_change`, and its state, which holds all of them."""

    expid: int
    """Exposure number."""
    last_change: int
    """The newest of its changes that `row` holds; a newer one gets a number of its own."""
    row: dict[str, Any] | None
    """The exposure's columns; None if the row is gone."""
    listed: Listed | None
    """The files that are kept, of this or an earlier state, if any."""
    files_listed: bool
    """Whether `listed` belongs to this state, so that the folder need not be read again."""
