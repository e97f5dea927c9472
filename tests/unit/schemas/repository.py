"""Where the files lie that are held to the types."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
JSON_SCHEMAS = ROOT / "schemas" / "json"
ASYNCAPI = ROOT / "schemas" / "asyncapi.yaml"
WIRE_FORMAT = ROOT / "docs" / "wire-format.md"
