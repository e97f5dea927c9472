"""The table ``exposure``: the sixteen columns, and when data_written was updated."""

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from exposure_schemas import SUMMARY_KEYS


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment: timestamptz on PostgreSQL, ISO 8601 text in UTC on SQLite, always aware in Python."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the column's type."""
        native = sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(native)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Write a moment."""
        if value is None or dialect.name == "postgresql":
            return value
        return as_text(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Read a moment."""
        return as_moment(value)


def as_text(moment: datetime) -> str:
    """Return a moment as SQLite keeps it: ``2023-09-14 03:14:15.926535`` in UTC; texts sort as moments do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def as_moment(value: Any) -> datetime | None:
    """Return what a driver gave for a moment as an aware datetime in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value + "+00:00")  # ten times as quick as to say so afterwards
        except ValueError:
            value = datetime.fromisoformat(value)  # somebody has written a zone there
    moment: datetime = value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


BigInt: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata: Final = sa.MetaData()

exposure: Final = sa.Table(
    "exposure",
    metadata,
    sa.Column("expid", BigInt, primary_key=True, autoincrement=False, comment="exposure number"),
    sa.Column("skyra", sa.Double, comment="deg, ICRS"),
    sa.Column("skydec", sa.Double, comment="deg, ICRS"),
    sa.Column("exptime", sa.Double, comment="s"),
    sa.Column("program", sa.Text),
    sa.Column("tile_id", BigInt),
    sa.Column("exptype", sa.Text),
    sa.Column("date", UtcDateTime, comment="start of the exposure, UTC"),
    sa.Column("night", sa.Integer, nullable=False, comment="YYYYMMDD"),
    sa.Column("seeing", sa.Double, comment="arcsec"),
    sa.Column("airmass", sa.Double),
    sa.Column("transparency", sa.Double),
    sa.Column("skylevel", sa.Double, comment="mag/arcsec2"),
    sa.Column("s2n", sa.Double),
    sa.Column("data_written", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("data_location", sa.Text),
    sa.Column(
        "data_written_at", UtcDateTime, comment="when data_written was updated; until it is true, the last change"
    ),
)

COLUMNS: Final = (*SUMMARY_KEYS, "data_written_at")
