"""Capture on SQLite: triggers that write each change of ``exposure`` down in its own transaction.

A row that gets another expid is one that is gone and one that is new.
"""

from typing import Final

from exposure_publisher.exposuredb.table import COLUMNS
from exposure_schemas import SUMMARY_KEYS

_NOW: Final = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
"""SQLite's clock has milliseconds; the zeros keep all moments of one length."""


def _differs(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)


STATEMENTS: Final = (
    f"""CREATE TRIGGER IF NOT EXISTS exposure_inserted AFTER INSERT ON exposure BEGIN
        UPDATE exposure SET data_written_at = {_NOW} WHERE expid = NEW.expid AND data_written_at IS NULL;
        INSERT INTO exposure_change (expid) VALUES (NEW.expid);
    END""",
    f"""CREATE TRIGGER IF NOT EXISTS exposure_touched AFTER UPDATE OF {", ".join(SUMMARY_KEYS)} ON exposure
        WHEN ({_differs(SUMMARY_KEYS)}) AND NEW.data_written_at IS OLD.data_written_at
            AND (NEW.data_written IS NOT OLD.data_written OR NOT NEW.data_written) BEGIN
        UPDATE exposure SET data_written_at = {_NOW} WHERE expid = NEW.expid;
    END""",
    f"""CREATE TRIGGER IF NOT EXISTS exposure_updated AFTER UPDATE ON exposure WHEN {_differs(COLUMNS)} BEGIN
        INSERT INTO exposure_change (expid) VALUES (NEW.expid);
    END""",
    """CREATE TRIGGER IF NOT EXISTS exposure_renumbered AFTER UPDATE OF expid ON exposure
        WHEN NEW.expid IS NOT OLD.expid BEGIN
        INSERT INTO exposure_change (expid) VALUES (OLD.expid);
    END""",
    """CREATE TRIGGER IF NOT EXISTS exposure_deleted AFTER DELETE ON exposure BEGIN
        INSERT INTO exposure_change (expid) VALUES (OLD.expid);
    END""",
)
