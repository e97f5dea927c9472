"""JSON Schemas of the messages, generated from the types; descriptions come from the docstrings under the fields.

Dialect 2020-12, https://json-schema.org/draft/2020-12. They describe a decoded body: what JSON holds as it is, and what
msgpack holds once each timestamp is written as a string.
"""

import ast
import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from exposure_schemas.audit import AuditedExposure, NightDigest
from exposure_schemas.codec import MESSAGE_TYPES, SCHEMA_VERSION
from exposure_schemas.exposure import Exposure
from exposure_schemas.manifest import ManifestFile
from exposure_schemas.patterns import portable
from exposure_schemas.retraction import Retraction

_JSON_WORDS: Final = {"None": "null", "True": "true", "False": "false"}
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_PARTS: Final = {each.__name__: each for each in (Exposure, ManifestFile, Retraction, NightDigest, AuditedExposure)}
_BARE_MOMENT: Final = {"type": "string", "format": "date-time"}
_MOMENT: Final = _BARE_MOMENT | {
    "title": "Moment",
    "pattern": "(Z|[+-][0-9]{2}:[0-9]{2})$",
    "description": (
        "A time, UTC, to the microsecond. In JSON: a string as ISO 8601 and RFC 3339 write it, with Z, its fraction "
        "left out where it is zero. In msgpack: the timestamp extension, type -1; write it as that string before you "
        "validate a body decoded from msgpack."
    ),
}


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a message type.

    Args:
        name: A key of `exposure_schemas.MESSAGE_TYPES`.
    """
    message_type = MESSAGE_TYPES[name]
    _, parts = msgspec.json.schema_components([message_type], ref_template="#/$defs/{name}")
    root = _described(parts.pop(message_type.__name__), message_type)
    definitions = {part: _described(schema, _PARTS[part]) for part, schema in parts.items()}
    head = {"$schema": DIALECT, "$id": f"urn:exposure-bus:schema:{SCHEMA_VERSION}:{name}"}
    return head | root | {"$defs": {"Moment": _MOMENT} | definitions}


def write_schemas(folder: Path) -> dict[Path, bool]:
    """Write a file for each message type.

    Args:
        folder: Where to; made if it is not there.

    Returns:
        Each file, and whether it is other than it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {folder / f"{name}.schema.json": _refresh(folder, name) for name in MESSAGE_TYPES}


def schema_text(name: str) -> str:
    """Return the JSON Schema of a message type as its file has it."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def _refresh(folder: Path, name: str) -> bool:
    file = folder / f"{name}.schema.json"
    text = schema_text(name)
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    file.write_text(text, encoding="utf-8")
    return True


def _described(schema: dict[str, Any], struct: type) -> dict[str, Any]:
    """Add what the docstrings say to the schema of a struct, and refer to one definition of a time."""
    said = _field_docstrings(struct)
    fields = {name: {"description": said[name]} | _for_readers(field) for name, field in schema["properties"].items()}
    return schema | {"description": _one_line(inspect.getdoc(struct) or ""), "properties": fields}


def _for_readers(schema: Any) -> Any:
    """Say what msgspec writes in words that every language has."""
    if schema == _BARE_MOMENT:
        return {"$ref": "#/$defs/Moment"}
    if isinstance(schema, dict):
        return {
            key: portable(value) if key == "pattern" and isinstance(value, str) else _for_readers(value)
            for key, value in schema.items()
        }
    return [_for_readers(value) for value in schema] if isinstance(schema, list | tuple) else schema


def _field_docstrings(struct: type) -> dict[str, str]:
    """Return field to the string that stands under it in the source; Python itself does not keep it."""
    (definition,) = ast.parse(inspect.getsource(struct)).body
    statements = definition.body if isinstance(definition, ast.ClassDef) else []
    return {
        field.target.id: _one_line(below.value.value)
        for field, below in pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _one_line(docstring: str) -> str:
    """Write a docstring as one line of Markdown, with JSON's words for Python's."""
    line = " ".join(docstring.split()).replace("``", "`")
    return re.sub(r"\b(None|True|False)\b", lambda word: _JSON_WORDS[word[0]], line)
