"""JSON lines and CSV: everything that a message says, for a program."""

import csv
import io
import math
from datetime import datetime
from typing import Any, Final

import msgspec

from exposure_bus.command.listing import as_json, as_text
from exposure_monitor.lines.notes import hex_prefix, note_of, span_text
from exposure_monitor.tapped import Tapped
from exposure_schemas import Exposure, ExposureSummary, Retraction

MESSAGE_KEYS: Final = ("routing_key", "type", "epoch", "covers", "replayed", "published_at", "received_at")
"""What is said of every message."""

EXPOSURE_KEYS: Final = Exposure.__struct_fields__
"""What is said of an exposure: the sixteen keys of a summary, data_written_at, sequence, files."""


class JsonLines:
    """One object a line."""

    header = None

    def line(self, tapped: Tapped, entry: Exposure | Retraction | None) -> str:
        """Return the message's keys, and the exposure's, or those of whatever else it is."""
        row = _message_row(tapped) | (_other_row(tapped) if entry is None else _entry_row(entry))
        plain = {key: _plain(value) for key, value in row.items()}
        return as_json(plain, list(plain))


class CsvLines:
    """One row a line; whatever is no exposure is in the last column, `note`."""

    header: Final = ",".join([*MESSAGE_KEYS, *EXPOSURE_KEYS, "note"])

    def line(self, tapped: Tapped, entry: Exposure | Retraction | None) -> str:
        """Return a row; files are counted."""
        row = _message_row(tapped)
        row["covers"] = span_text(row["covers"])
        if entry:
            row |= _entry_row(entry)
        if isinstance(entry, Exposure):
            row["files"] = None if entry.files is None else len(entry.files)
        else:
            row["note"] = note_of(tapped, entry)
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(
            [as_text(row.get(column)) for column in (*MESSAGE_KEYS, *EXPOSURE_KEYS, "note")]
        )
        return text.getvalue()


def _message_row(tapped: Tapped) -> dict[str, Any]:
    message = tapped.message
    return {
        "routing_key": tapped.routing_key,
        "type": tapped.type,
        "epoch": getattr(message, "epoch", None),
        "covers": message.covers if isinstance(message, ExposureSummary) else None,
        "replayed": message.replayed if isinstance(message, ExposureSummary) else None,
        "published_at": tapped.published_at,
        "received_at": tapped.received_at,
    }


def _entry_row(entry: Exposure | Retraction) -> dict[str, Any]:
    if isinstance(entry, Retraction):
        return {"expid": entry.expid, "sequence": entry.sequence, "retracted": True}
    return {key: getattr(entry, key) for key in EXPOSURE_KEYS}


def _other_row(tapped: Tapped) -> dict[str, Any]:
    if tapped.message is None:
        return {
            "undecodable": tapped.problem,
            "bytes": len(tapped.body),
            "hex": hex_prefix(tapped.body),
            "raw": tapped.raw,
        }
    said = msgspec.structs.asdict(tapped.message)
    return {key: value for key, value in said.items() if key not in {*MESSAGE_KEYS, "exposures", "retracted"}}


def _plain(value: Any) -> Any:
    """Return what JSON can say: None for NaN, text for every key and for whatever else a foreign body held."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | datetime) else repr(value)
