"""Which verbs there are: the entry points of the group ``exposure_bus.verbs``.

They are read straight from the ``entry_points.txt`` of what is installed: importing `importlib.metadata` for it costs
more than all the rest of ``--help`` (see docs/decisions/0006-quick-start-up.md).
"""

import os
import sys
from collections.abc import Iterator
from typing import Final

GROUP: Final = "[exposure_bus.verbs]"


def find_verbs() -> dict[str, str]:
    """Return verb to ``module:name``, ascending by verb; the first found on the path wins."""
    verbs: dict[str, str] = {}
    for folder in sys.path:
        for text in _entry_point_files(folder):
            for verb, target in _verbs_in(text):
                verbs.setdefault(verb, target)
    return dict(sorted(verbs.items()))


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
        if GROUP in text:
            yield text


def _verbs_in(text: str) -> Iterator[tuple[str, str]]:
    section = text.partition(GROUP)[2].partition("\n[")[0]
    for line in section.splitlines():
        verb, equals, target = line.partition("=")
        if equals:
            yield verb.strip(), target.strip()
