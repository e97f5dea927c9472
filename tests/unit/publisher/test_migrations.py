"""The revisions of the ledger's tables."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from exposure_publisher.exposuredb.schema_version import HEAD, SCRIPTS


def test_there_is_one_newest_revision_and_it_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
