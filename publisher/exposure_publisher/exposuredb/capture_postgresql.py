"""Capture on PostgreSQL: triggers that write each change of ``exposure`` down in its own transaction, and notify.

The notification leaves with the commit, once a transaction however many rows it changed. The triggers are ALWAYS
enabled, since a session in replica role (a restore, logical replication) changes exposures too. A row that gets another
expid is one that is gone and one that is new.
"""

from typing import Final

CHANNEL: Final = "exposure_change"
"""The channel that is notified; SQLite's watch needs none."""

STATEMENTS: Final = (
    """CREATE OR REPLACE FUNCTION exposure_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            NEW.data_written_at := coalesce(NEW.data_written_at, clock_timestamp());
        ELSIF NEW IS DISTINCT FROM OLD AND NEW.data_written_at IS NOT DISTINCT FROM OLD.data_written_at
            AND (NEW.data_written IS DISTINCT FROM OLD.data_written OR NOT NEW.data_written) THEN
            NEW.data_written_at := clock_timestamp();
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE OR REPLACE FUNCTION exposure_capture() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO exposure_change (expid) SELECT expid FROM new_rows;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO exposure_change (expid)
            (SELECT expid FROM old_rows EXCEPT SELECT expid FROM new_rows)
            UNION ALL
            SELECT expid FROM (SELECT * FROM new_rows EXCEPT ALL SELECT * FROM old_rows) AS changed;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO exposure_change (expid) SELECT expid FROM old_rows;
        ELSE -- TRUNCATE, before it is done: nobody else can write any more
            INSERT INTO exposure_change (expid) SELECT expid FROM exposure;
        END IF;
        IF FOUND THEN
            PERFORM pg_notify('exposure_change', '');
        END IF;
        RETURN NULL;
    END $$""",
    "DROP TRIGGER IF EXISTS exposure_touched ON exposure",
    "DROP TRIGGER IF EXISTS exposure_inserted ON exposure",
    "DROP TRIGGER IF EXISTS exposure_updated ON exposure",
    "DROP TRIGGER IF EXISTS exposure_deleted ON exposure",
    "DROP TRIGGER IF EXISTS exposure_truncated ON exposure",
    """CREATE TRIGGER exposure_touched BEFORE INSERT OR UPDATE ON exposure
        FOR EACH ROW EXECUTE FUNCTION exposure_touch()""",
    """CREATE TRIGGER exposure_inserted AFTER INSERT ON exposure REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION exposure_capture()""",
    """CREATE TRIGGER exposure_updated AFTER UPDATE ON exposure REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION exposure_capture()""",
    """CREATE TRIGGER exposure_deleted AFTER DELETE ON exposure REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION exposure_capture()""",
    """CREATE TRIGGER exposure_truncated BEFORE TRUNCATE ON exposure
        FOR EACH STATEMENT EXECUTE FUNCTION exposure_capture()""",
    "ALTER TABLE exposure ENABLE ALWAYS TRIGGER exposure_touched",
    "ALTER TABLE exposure ENABLE ALWAYS TRIGGER exposure_inserted",
    "ALTER TABLE exposure ENABLE ALWAYS TRIGGER exposure_updated",
    "ALTER TABLE exposure ENABLE ALWAYS TRIGGER exposure_deleted",
    "ALTER TABLE exposure ENABLE ALWAYS TRIGGER exposure_truncated",
)
