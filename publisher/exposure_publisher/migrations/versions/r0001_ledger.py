"""The ledger's tables: what has changed, the newest number of each exposure, and how far everything is.

``exposure_change`` has one row a change, without an expid where it is not known what has changed.
``exposure_attachment`` has a row where the exposures are in a table of somebody else's.
"""

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

_POSTGRESQL: Final = (
    """CREATE TABLE exposure_change (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, expid bigint)""",
    """CREATE TABLE exposure_ledger (
        expid bigint PRIMARY KEY, sequence bigint NOT NULL UNIQUE, numbered_at timestamptz NOT NULL,
        files text, file_stamps text, files_of timestamptz, confirmed_at timestamptz)""",
    """CREATE TABLE exposure_ledger_state (
        id integer PRIMARY KEY CHECK (id = 1), epoch text NOT NULL,
        newest bigint NOT NULL, confirmed bigint NOT NULL,
        refill_after bigint, refill_above bigint NOT NULL DEFAULT 0)""",
    """CREATE TABLE exposure_attachment (
        id integer PRIMARY KEY CHECK (id = 1), relation text NOT NULL, selection text NOT NULL,
        capture text NOT NULL, columns text NOT NULL, journal_mode text)""",
)

_SQLITE: Final = (
    "CREATE TABLE exposure_change (id INTEGER PRIMARY KEY AUTOINCREMENT, expid INTEGER)",
    """CREATE TABLE exposure_ledger (
        expid INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, numbered_at TEXT NOT NULL,
        files TEXT, file_stamps TEXT, files_of TEXT, confirmed_at TEXT)""",
    """CREATE TABLE exposure_ledger_state (
        id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL,
        newest INTEGER NOT NULL, confirmed INTEGER NOT NULL,
        refill_after INTEGER, refill_above INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE exposure_attachment (
        id INTEGER PRIMARY KEY CHECK (id = 1), relation TEXT NOT NULL, selection TEXT NOT NULL,
        capture TEXT NOT NULL, columns TEXT NOT NULL, journal_mode TEXT)""",
)

_BOTH: Final = (
    "CREATE INDEX exposure_change_unknown ON exposure_change (id) WHERE expid IS NULL",
    "INSERT INTO exposure_ledger_state (id, epoch, newest, confirmed) VALUES (1, '', 0, 0)",
)


def upgrade() -> None:
    """Make the tables."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for statement in (*(_POSTGRESQL if postgresql else _SQLITE), *_BOTH):
        op.execute(statement)
