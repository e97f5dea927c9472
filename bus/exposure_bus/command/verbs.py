"""What each side contributes: verbs are the entry points of the group ``exposure_bus.verbs``.

They are read straight from the ``entry_points.txt`` of what is installed: importing `importlib.metadata` for it costs
more than all the rest of ``--help`` (see docs/decisions/0006-quick-start-up.md).
"""

import os
import sys
from collections.abc import Iterator
from typing import Final

VERBS: Final = "exposure_bus.verbs"


def find_verbs() -> dict[str, str]:
    """Return verb to ``module:name``, ascending by verb; the first found on the path wins."""
    return find_entry_points(VERBS)


def find_entry_points(group: str) -> dict[str, str]:
    """Return name to ``module:name`` of a group, ascending by name; the first found on the path wins."""
    section = f"[{group}]"
    found: dict[str, str] = {}
    for folder in sys.path:
        for text in _entry_point_files(folder):
            for name, target in _entries_in(text, section):
                found.setdefault(name, target)
    return dict(sorted(found.items()))


def _entry_point_files(folder: str) -> Iterator[str]:
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith(".dist-info")]  # noqa: PTH208 (pathlib costs a fifth of the start-up)
    except OSError:
        return  # a path entry that is not there or is a zip file holds no verbs
    for name in names:
        try:
            with open(f"{folder}/{name}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123 (likewise)
                text = file.read()
        except OSError:
            continue  # most distributions have no entry points
        yield text


def _entries_in(text: str, section: str) -> Iterator[tuple[str, str]]:
    for line in text.partition(section)[2].partition("\n[")[0].splitlines():
        name, equals, target = line.partition("=")
        if equals:
            yield name.strip(), target.strip()
