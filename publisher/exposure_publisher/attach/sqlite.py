"""Attaching in a SQLite file, as SQL: tables of ours beside theirs, and triggers on their table.

The view that shows their rows as exposures is a temporary one, of each connection of ours: see
`exposure_publisher.exposuredb.engine.show_attached`.
"""

from typing import Final

from exposure_publisher.attach.mapping import Mapping, columns_used
from exposure_publisher.attach.plan import Plan
from exposure_publisher.attach.theirs import Table

TABLES: Final = (
    "exposure_change",
    "exposure_ledger",
    "exposure_ledger_state",
    "exposure_ledger_version",
    "exposure_attachment",
)

_EVENTS: Final = {
    "inserted": ("AFTER INSERT ON {table}", "NEW"),
    "updated": ("AFTER UPDATE ON {table} WHEN {differs}", "NEW"),
    "renumbered": ("AFTER UPDATE ON {table} WHEN NEW.{key} IS NOT OLD.{key}", "OLD"),
    "deleted": ("AFTER DELETE ON {table}", "OLD"),
}


def trigger_names() -> tuple[str, ...]:
    """Return the names of the triggers on their table."""
    return tuple(f"exposure_bus_{event}" for event in _EVENTS)


def plan(table: Table, mapping: Mapping) -> Plan:
    """Return what attaching to a table does."""
    used = set(columns_used(mapping.expressions, [column.name for column in table.columns], table.relation))
    compared = [column.quoted for column in table.columns if column.name in used]
    # A column may take two texts for equal that are not.
    differs = " OR ".join(f"NEW.{column} IS NOT OLD.{column} COLLATE BINARY" for column in compared)
    # A trigger's table stands without its database, which is the trigger's.
    words = {"table": table.relation.removeprefix("main."), "key": table.key, "differs": differs}
    made = tuple(
        f"CREATE TRIGGER {name} {event.format(**words)} BEGIN\n"
        f"    INSERT INTO exposure_change (expid) SELECT {expid} WHERE {_is_number(expid)};\nEND"
        for name, (event, row) in zip(trigger_names(), _EVENTS.values(), strict=True)
        for expid in (f"{row}.{table.key}",)
    )
    return Plan(
        relation=table.relation,
        selection=f"{mapping.selection(table.relation)} AND {_is_number(table.key)}",
        columns=tuple(column.name for column in table.columns if column.name in used),
        prepare=(),
        show=(),
        watch=made,
        rewatch=(*_dropped(), *made),
        triggers_stay=False,
    )


def removal(_relation: str) -> tuple[str, ...]:
    """Return what detaching does."""
    return (*_dropped(), *(f"DROP TABLE main.{table}" for table in TABLES))


def _is_number(value: str) -> str:
    """Return the condition that a value is an expid: a column that is told to hold numbers may hold text."""
    return f"typeof({value}) = 'integer'"


def _dropped() -> tuple[str, ...]:
    return tuple(f"DROP TRIGGER IF EXISTS {name}" for name in trigger_names())
