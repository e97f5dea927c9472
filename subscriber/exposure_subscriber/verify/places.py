"""Where in a destination of ``exposure-bus files`` there are files, and of which exposures, in either layout."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exposure_subscriber.verify.folder import Folder, is_folder, is_link
from exposure_subscriber.verify.names import expid_of_file, expid_of_folder, night_of_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder with files of exposures."""

    folder: Folder
    """The folder."""
    expids: frozenset[int]
    """The exposures of which there are files; none in a NIGHT folder that cannot be read."""
    own: bool
    """True for the folder of one exposure: what else is in it does not belong there."""
    night: int | None
    """The night that the folder, or the one above it, is named for."""

    @property
    def owner(self) -> int | None:
        """The exposure whose own folder it is; None if others keep files there too."""
        return next(iter(self.expids)) if self.own else None


def find_places(root: Path) -> list[Place]:
    """Look for exposures in a destination, flat or NIGHT/EXPID, or in one NIGHT or EXPID folder of it.

    Args:
        root: The destination, absolute.
    """
    top = Folder(root)
    name = Path(os.path.realpath(root)).name
    night = night_of_folder(name)
    found = list(_places_in(top, night, nights_below=True))
    expid = expid_of_folder(name)
    if night is None and expid is not None and not any(place.folder.below for place in found):
        return [_own(top, expid, night_of_folder(root.parent.name))]
    return found


def _places_in(folder: Folder, night: int | None, *, nights_below: bool) -> Iterator[Place]:
    try:
        entries = folder.entries()
    except OSError:  # said when the place is looked at
        yield Place(folder=folder, expids=frozenset(), own=False, night=night)
        return
    numbers = {expid_of_file(name) for name, state in entries.items() if not is_folder(state)}
    expids = frozenset(number for number in numbers if number is not None)
    if expids:
        yield Place(folder=folder, expids=expids, own=False, night=night)
    # A link in place of a folder is not followed, but said to be one when it is looked at.
    for name in (name for name, state in entries.items() if is_folder(state) or is_link(state)):
        night_below, expid = night_of_folder(name) if nights_below else None, expid_of_folder(name)
        if night_below is not None:
            yield from _places_in(folder.child(name), night_below, nights_below=False)
        elif expid is not None:
            yield _own(folder.child(name), expid, night)


def _own(folder: Folder, expid: int, night: int | None) -> Place:
    return Place(folder=folder, expids=frozenset({expid}), own=True, night=night)
