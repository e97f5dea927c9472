"""Which version the ledger's tables have, and how they are brought to this software's."""

import logging
import uuid
from typing import Any, Final

import sqlalchemy as sa

from exposure_bus.errors import DatabaseRefused

VERSION_TABLE: Final = "exposure_ledger_version"
"""Alembic's table in which the version stands."""

SCRIPTS: Final = "exposure_publisher:migrations"
"""Where the revisions are."""

HEAD: Final = "0001"
"""The newest revision in ``migrations/versions``; kept here too, since asking Alembic takes half a second."""

# Not by to_regclass, which may not see what another session has made since this transaction began.
_THERE: Final = {
    "postgresql": f"""SELECT EXISTS (SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relname = '{VERSION_TABLE}' AND n.nspname = ANY (current_schemas(false)))""",
    "sqlite": f"SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '{VERSION_TABLE}')",
}


def version_of(connection: sa.Connection) -> str | None:
    """Return the version of the ledger's tables; None if there are none."""
    if not connection.exec_driver_sql(_THERE[connection.dialect.name]).scalar_one():
        return None
    return connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()


def is_attached(connection: sa.Connection) -> bool:
    """Return whether the exposures are in a table of somebody else's; there must be a ledger."""
    return bool(connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM exposure_attachment)").scalar_one())


def upgrade(connection: sa.Connection) -> None:
    """Make the ledger's tables, or bring them to this software's version, within the transaction that runs.

    Raises:
        DatabaseRefused: They were made by a newer software, or whoever opens them may not change them.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its plugins
    from alembic import command  # noqa: PLC0415 (half a second, once in the life of a database)
    from alembic.util import CommandError  # noqa: PLC0415 (likewise)

    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseRefused(
            f"the ledger's tables were made by a newer exposure-bus than this one: {error}"
        ) from error
    except sa.exc.ProgrammingError as error:
        text = str(error.orig).strip().splitlines()[0]
        raise DatabaseRefused(
            f"the ledger's tables are of another version than {HEAD}, and its owner changes them: "
            f"run `exposure-bus attach` (where the table is ours, `publish`) as the owner ({text})"
        ) from error
    connection.execute(
        sa.text("UPDATE exposure_ledger_state SET epoch = :epoch WHERE epoch = ''"), {"epoch": uuid.uuid4().hex}
    )


def upgrade_script() -> str:
    """Return the SQL that makes the ledger's tables on PostgreSQL."""
    from io import StringIO  # noqa: PLC0415 (a dry run alone needs it)

    from alembic import command  # noqa: PLC0415 (likewise)

    text = StringIO()
    command.upgrade(_config(output_buffer=text), "head", sql=True)
    return text.getvalue()


def _config(**given: Any) -> Any:
    from alembic.config import Config  # noqa: PLC0415 (as above)

    config = Config(**given)
    config.set_main_option("script_location", SCRIPTS)
    return config
