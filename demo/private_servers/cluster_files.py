"""Where the files of a PostgreSQL cluster lie, so that the user it runs as can reach them."""

import shutil
import tempfile
from pathlib import Path


class ClusterFiles:
    """The data directory of a cluster.

    PostgreSQL started by root runs as another user, who cannot enter a directory that lies inside one of root's own,
    such as a test's temporary directory. While it runs, its data therefore lie in a directory of that user's under
    the system's temporary directory, with a link to it in their place.

    Args:
        place: Where they belong.
        owner: The user whom the server runs as; None: this process's, who needs no such detour.
    """

    def __init__(self, place: Path, owner: str | None) -> None:
        self._place = place
        self._owner = owner

    @property
    def initialised(self) -> bool:
        """Whether there is a cluster yet."""
        return (self._place / "PG_VERSION").exists()

    def lend(self) -> Path:
        """Return the directory for the server to use, made if need be."""
        if self._place.is_symlink() and not self._place.exists():
            self._place.unlink()  # what it led to was cleaned away
        if not self._place.exists():
            self._place.mkdir(mode=0o700)
        if self._owner and not self._place.is_symlink():
            self._move_to(self._owner)
        return self._place.resolve()

    def take_back(self) -> None:
        """Put the files back in their place once the server has stopped."""
        if not self._place.is_symlink():
            return
        lent = self._place.resolve()
        self._place.unlink()
        shutil.move(lent, self._place)
        lent.parent.rmdir()

    def _move_to(self, owner: str) -> None:
        shelter = Path(tempfile.mkdtemp(prefix="private-postgresql-"))
        shutil.chown(shelter, owner, owner)
        lent = shelter / "data"
        shutil.move(self._place, lent)
        self._place.symlink_to(lent)
        # A move across file systems copies, and a copy belongs to whoever made it.
        for path in [lent, *lent.rglob("*")]:
            shutil.chown(path, owner, owner)
