"""Values of PostgreSQL that its driver cannot read, or reads as what nobody here uses.

One such row must not keep all others from being read: it is announced without the value (see ``ledger/rows.py``).
"""

from typing import Any


def read_odd_values(connection: Any) -> None:
    """Have a connection of psycopg2's read any moment as a datetime or as text, and ``numeric`` as a float."""
    from psycopg2.extensions import (  # noqa: PLC0415 (SQLite needs none)
        DECIMAL,
        PYDATETIME,
        PYDATETIMETZ,
        new_type,
        register_type,
    )

    def lenient(cast: Any) -> Any:
        def read(text: Any, cursor: Any) -> Any:
            try:
                return cast(text, cursor)
            except (ValueError, OverflowError):
                return text  # a year that Python does not know, or infinity

        return new_type(cast.values, "MOMENT", read)

    register_type(lenient(PYDATETIME), connection)
    register_type(lenient(PYDATETIMETZ), connection)
    register_type(
        new_type(DECIMAL.values, "FLOAT", lambda text, _cursor: None if text is None else float(text)), connection
    )
