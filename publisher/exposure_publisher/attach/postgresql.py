"""Attaching on PostgreSQL, as SQL: a schema of ours beside theirs, and triggers on their table.

Their write must never fail or wait because of us. What a trigger runs takes no lock that anybody of ours holds; it runs
with our rights, so that whoever may write there needs none; and where it fails (a column was renamed), all rows of the
statement count as changed, or else everything does.
"""

from collections.abc import Collection
from typing import Final

from exposure_publisher.attach.mapping import Mapping, columns_used
from exposure_publisher.attach.plan import Plan
from exposure_publisher.attach.theirs import Table
from exposure_publisher.exposuredb.capture_postgresql import CHANNEL
from exposure_publisher.exposuredb.engine import SCHEMA

_CHANGE: Final = f"{SCHEMA}.exposure_change"

_EVENTS: Final = {
    "inserted": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "updated": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "deleted": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "truncated": "AFTER TRUNCATE ON {table}",
}
"""A trigger that sees the rows of a statement is for one kind of statement."""

# A session in replica role (a restore) writes rows too, so the triggers are ALWAYS enabled.
_TRIGGER: Final = """CREATE TRIGGER {name} {event}
    FOR EACH STATEMENT EXECUTE FUNCTION exposure_bus.capture()"""
_ALWAYS: Final = "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"

# A row without an expid is no exposure yet. Every column is qualified: theirs may be called as a variable is, `found`.
# The search path is fixed, though that takes some microseconds: it is not enough to name all schemas, since PostgreSQL
# looks for a function `seeing` where a column of that name was renamed.
# An update joins all rows, whatever PostgreSQL guesses of their number: a full join is never done row by row.
_FUNCTION: Final = """CREATE OR REPLACE FUNCTION {schema}.capture() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {change} (expid) SELECT n.{key} FROM new_rows AS n WHERE n.{key} IS NOT NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO {change} (expid)
        SELECT coalesce(n.expid, o.expid)
        FROM ({old_rows}) AS o FULL JOIN ({new_rows}) AS n ON n.expid = o.expid
        WHERE coalesce(n.expid, o.expid) IS NOT NULL AND (n.expid IS NULL OR o.expid IS NULL OR n.seen *<> o.seen);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {change} (expid) SELECT o.{key} FROM old_rows AS o WHERE o.{key} IS NOT NULL;
    ELSE
        INSERT INTO {change} (expid) VALUES (NULL); -- everything
    END IF;
    IF FOUND THEN
        PERFORM pg_notify('{channel}', '');
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'exposure-bus cannot compare what has changed in %, so all of it counts as changed: %',
        TG_RELID::regclass, SQLERRM USING HINT = 'Attach anew: exposure-bus attach';
    PERFORM pg_notify('{channel}', '');
    BEGIN
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO {change} (expid) SELECT n.{key} FROM new_rows AS n WHERE n.{key} IS NOT NULL;
        END IF;
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO {change} (expid) SELECT o.{key} FROM old_rows AS o WHERE o.{key} IS NOT NULL;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            INSERT INTO {change} (expid) VALUES (NULL);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'exposure-bus has lost a change of %, which an audit finds: %', TG_RELID::regclass, SQLERRM;
        END;
    END;
    RETURN NULL;
END $capture$"""


# As records, rows are compared byte by byte (`*<>`), which wants no equality of a type and takes no two texts for one;
# and OFFSET keeps the planner from carrying each column through the join.
_SEEN: Final = "SELECT {side}.{key} AS expid, ROW({columns})::record AS seen FROM {rows} AS {side} OFFSET 0"


def trigger_names() -> tuple[str, ...]:
    """Return the names of the triggers on their table."""
    return tuple(f"exposure_bus_{event}" for event in _EVENTS)


def plan(table: Table, mapping: Mapping) -> Plan:
    """Return what attaching to a table does."""
    used = set(columns_used(mapping.expressions, [column.name for column in table.columns], table.relation))
    function = _FUNCTION.format(
        schema=SCHEMA,
        change=_CHANGE,
        channel=CHANNEL,
        key=table.key,
        old_rows=_seen(table, used, "o", "old_rows"),
        new_rows=_seen(table, used, "n", "new_rows"),
    )
    selection = mapping.selection(table.relation, table.naive_moments)
    return Plan(
        relation=table.relation,
        selection=selection,
        columns=tuple(column.name for column in table.columns if column.name in used),
        prepare=(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",),
        show=(f"DROP VIEW IF EXISTS {SCHEMA}.exposure", f"CREATE VIEW {SCHEMA}.exposure AS {selection}", function),
        watch=_triggers(table.relation),
        rewatch=(*_dropped(table.relation), *_triggers(table.relation)),
        triggers_stay=True,
    )


def removal(relation: str) -> tuple[str, ...]:
    """Return what detaching does."""
    return (*_dropped(relation), f"DROP SCHEMA {SCHEMA} CASCADE")


def _seen(table: Table, used: Collection[str], side: str, rows: str) -> str:
    columns = ", ".join(f"{side}.{column.quoted}" for column in table.columns if column.name in used)
    return _SEEN.format(side=side, key=table.key, columns=columns, rows=rows)


def _dropped(relation: str) -> tuple[str, ...]:
    return tuple(f"DROP TRIGGER IF EXISTS {name} ON {relation}" for name in trigger_names())


def _triggers(relation: str) -> tuple[str, ...]:
    made = [
        _TRIGGER.format(name=name, event=event.format(table=relation))
        for name, event in zip(trigger_names(), _EVENTS.values(), strict=True)
    ]
    return (*made, *(_ALWAYS.format(table=relation, name=name) for name in trigger_names()))
