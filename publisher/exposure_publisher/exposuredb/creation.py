"""Making the tables and triggers where they are not there yet."""

import uuid
from typing import Final

import sqlalchemy as sa

from exposure_publisher.exposuredb import capture_postgresql, capture_sqlite
from exposure_publisher.exposuredb.engine import writing
from exposure_publisher.exposuredb.table import metadata

_LOCK: Final = 0x45585042
"""Advisory lock under which PostgreSQL's tables are made, so that two who come first do not collide."""


def create_if_missing(engine: sa.Engine) -> None:
    """Make the exposure table, the ledger and its triggers; whoever comes second finds them."""
    if sa.inspect(engine).has_table("exposure_ledger_state"):
        return
    postgresql = engine.dialect.name == "postgresql"
    with writing(engine) as connection:
        if postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        metadata.create_all(connection)
        for statement in (capture_postgresql if postgresql else capture_sqlite).STATEMENTS:
            connection.exec_driver_sql(statement)
        connection.execute(
            sa.text("INSERT INTO exposure_ledger_state VALUES (1, :epoch, 0, 0) ON CONFLICT (id) DO NOTHING"),
            {"epoch": uuid.uuid4().hex},
        )
