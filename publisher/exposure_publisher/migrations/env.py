"""What Alembic runs: revisions go over a connection that is given, within its transaction, or are written as SQL."""

from alembic import context

from exposure_publisher.exposuredb.schema_version import VERSION_TABLE

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table=VERSION_TABLE)
else:
    context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
