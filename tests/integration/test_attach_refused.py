"""What cannot be attached to is refused with a reason, and left as it was."""

from pathlib import Path

import pytest
from tests import ics_table
from tests.processes import Processes
from tests.raw_sql import execute

from exposure_bus.errors import DatabaseRefused
from exposure_bus.settings import TableSettings
from exposure_publisher import ExposureDB
from exposure_publisher.attach import attach, detach, mapping_of
from exposure_publisher.attach.mapping import Mapping
from exposure_publisher.ledger import open_ledger

DESI = mapping_of(TableSettings(), "desi")
BARE = Mapping(columns={"expid": "id", "night": "night", "data_written": "saved"})


ODD = {
    "a partitioned table": (
        "CREATE TABLE t (id bigint PRIMARY KEY, night int, saved bool) PARTITION BY RANGE (id)",
        "is part of a partitioned|no ordinary table",
    ),
    "a view": (
        "CREATE VIEW t AS SELECT 1::bigint AS id, 2 AS night, false AS saved",
        "is no ordinary table",
    ),
    "no unique key": ("CREATE TABLE t (id bigint, night int, saved bool)", "expid is mapped to 'id', which must be"),
    "a text for a key": ("CREATE TABLE t (id text PRIMARY KEY, night int, saved bool)", "a column of whole numbers"),
    "a column that is not there": (
        "CREATE TABLE t (id bigint PRIMARY KEY, saved bool)",
        'the mapping does not fit public.t: column "night" does not exist',
    ),
    "an inherited table": (
        "CREATE TABLE t (id bigint PRIMARY KEY, night int, saved bool); CREATE TABLE child () INHERITS (t)",
        "is part of a partitioned or inherited table",
    ),
}


@pytest.mark.parametrize(("made", "said"), ODD.values(), ids=ODD)
def test_what_cannot_be_attached_to_is_refused_with_a_reason(postgresql_url: str, made: str, said: str) -> None:
    execute(postgresql_url, made)
    with pytest.raises(DatabaseRefused, match=said):
        attach(postgresql_url, "t", BARE)
    assert execute(postgresql_url, "SELECT nspname FROM pg_namespace WHERE nspname = 'exposure_bus'") == []


def test_an_exposuredb_of_ours_and_another_table_are_refused(exposure_db_url: str, tmp_path: Path) -> None:
    table = ics_table.make(exposure_db_url)
    execute(exposure_db_url, "CREATE TABLE other (id bigint PRIMARY KEY, night integer, saved boolean)")
    attach(exposure_db_url, table, DESI)
    with pytest.raises(DatabaseRefused, match=r"is attached to .* here: `exposure-bus detach` first"):
        attach(exposure_db_url, "other", BARE)
    with pytest.raises(DatabaseRefused, match="attached to a table that others write"):
        ExposureDB(exposure_db_url)
    own = f"sqlite:///{tmp_path}/own.sqlite"
    ExposureDB(own).close()
    with pytest.raises(DatabaseRefused, match="an exposureDB of our own"):
        attach(own, "exposure", BARE)
    with pytest.raises(DatabaseRefused, match="attached to nothing"):
        detach(own)


def test_their_table_is_never_taken_for_one_of_ours(postgresql_url: str, processes: Processes) -> None:
    ics_table.make(postgresql_url)
    before = ics_table.dump(postgresql_url)
    for opened in (ExposureDB, open_ledger):
        with pytest.raises(DatabaseRefused, match=r"`exposure-bus attach --table exposure\.exposure`"):
            opened(postgresql_url)
    told = processes.run("doctor", exposure_db_url=postgresql_url).stdout
    assert "`exposure-bus attach --table exposure.exposure`, if that" in told
    assert ics_table.dump(postgresql_url) == before
    assert execute(postgresql_url, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'exposure_ledger%'") == []


def test_the_command_says_in_one_line_what_is_wrong(processes: Processes, postgresql_url: str) -> None:
    ics_table.make(postgresql_url)
    processes.settings(exposure_db_url=postgresql_url)
    for arguments, code, said in (
        ((), 2, "attach needs --table"),
        (("--table", "exposure.exposure"), 2, "attach needs --profile, or a mapping under [attach.columns]"),
        (("--table", "exposure.exposure", "--profile", "lsst"), 2, "there is no profile 'lsst'; known are desi"),
        (("--table", "nowhere", "--profile", "desi"), 3, "there is no table nowhere; give its schema too"),
    ):
        done = processes.run("attach", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done
        assert said in done.stderr
