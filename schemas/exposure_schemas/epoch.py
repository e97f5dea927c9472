"""The identity of a ledger, and spans of its sequence numbers."""

from typing import Annotated

from msgspec import Meta

from exposure_schemas.errors import InvalidValue
from exposure_schemas.exposure import Sequence

Epoch = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema={"pattern": "^[ -~]*$"})]
"""Identity of an exposureDB's ledger, printable ASCII; a rebuilt exposureDB gets another."""

Span = tuple[Sequence, Sequence]
"""First and last of a run of sequence numbers, both included."""


def check_epoch(epoch: str) -> None:
    """Raise InvalidValue if an epoch is not printable ASCII.

    As a pattern of the type it would cost each message half as much again as all its other values.
    """
    if not (epoch.isascii() and epoch.isprintable()):
        raise InvalidValue(f"epoch {epoch!r} is not printable ASCII")


def check_span(field: str, span: Span) -> None:
    """Raise InvalidValue if a span of that field ends before it begins."""
    first, last = span
    if last < first:
        raise InvalidValue(f"{field} [{first}, {last}] ends before it begins: write [{last}, {first}]")
