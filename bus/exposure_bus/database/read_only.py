"""How a SQLite file is opened by who must leave no trace."""

from pathlib import Path


def read_only_uri(path: Path) -> str:
    """Return a URI under which SQLite reads a file and makes none beside it.

    In WAL mode even a reader makes a ``-wal`` and a ``-shm``, and one that may only read leaves them behind. Where
    there is no ``-wal``, nobody has the file open and all of it is in the file itself, so it can be read as one that
    does not change.

    Args:
        path: The file.
    """
    in_use = path.with_name(path.name + "-wal").exists()
    return f"{path.as_uri()}?mode=ro{'' if in_use else '&immutable=1'}"
