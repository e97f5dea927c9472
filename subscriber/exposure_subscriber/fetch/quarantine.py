"""Where a copy goes that is not what the manifest says: kept for a person to look at, never under its own name.

``DEST/.quarantine/NAME/copy`` is what came, ``report.json`` beside it says what was expected. There is one for a
name; a later one replaces it.
"""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exposure_schemas import ManifestFile
from exposure_subscriber.fetch.hashing import Content
from exposure_subscriber.fetch.temporary import Temporary

FOLDER: Final = ".quarantine"


def quarantine(temporary: Temporary, folder: Path, file: ManifestFile, found: Content, *, source: str, why: str) -> str:
    """Set a bad copy aside, with a report.

    Args:
        temporary: The bad copy.
        folder: The destination it was meant for.
        file: What it should have been.
        found: What it is.
        source: Where it came from.
        why: What is wrong with it.

    Returns:
        A clause for a message: where it is, or why it could not be kept.
    """
    place = folder / FOLDER / file.name
    report = {
        "source": f"{source}/{file.name}",
        "why": why,
        "expected": {"size": file.size, "sha256": file.sha256},
        "found": asdict(found),
        "when": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        temporary.move_to(place / "copy")
        (place / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:  # the mismatch is what the user must hear of, not this
        return f"the bad copy could not be kept: {os.strerror(error.errno or 0)}"
    return f"the bad copy is at {place / 'copy'}"
