"""What the package offers, and what it costs and drags in to import it."""

import subprocess
import sys

import pytest

import exposure_schemas

OFFERED = """
ALARM_LEVELS FILE_CLASSES JSON MESSAGE_TYPES MOST_BYTES MOST_EXPOSURES MOST_NIGHTS MSGPACK SCHEMA_VERSION
SUMMARY_KEYS Alarm AlarmLevel AuditAnswer AuditRequest AuditedExposure DecodeError Envelope Exposure ExposureSummary
Heartbeat InvalidValue Manifest ManifestFile Message NightDigest Reason ReplayRequest Retraction SchemaError Span
SubscriberName alarm_key as_digest classes_asked decode digest_of encode envelope file_class_of follower_queue
routing_key sum_of summary_of
"""

LISTS_WHAT_IT_LOADED = "import sys, exposure_schemas; print(*{name.partition('.')[0] for name in sys.modules})"


def test_these_names_are_offered_and_no_others() -> None:
    assert sorted(exposure_schemas.__all__) == sorted(OFFERED.split())


@pytest.mark.parametrize("name", OFFERED.split())
def test_each_of_them_is_there(name: str) -> None:
    assert getattr(exposure_schemas, name) is not None


def test_importing_it_loads_nothing_else_of_ours_and_no_client_of_a_broker_or_a_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LISTS_WHAT_IT_LOADED], check=True, capture_output=True, text=True)
    names = set(loaded.stdout.split())
    assert "exposure_schemas" in names
    assert not {name for name in names if name.startswith("exposure_")} - {"exposure_schemas"}
    assert names.isdisjoint({"pika", "sqlalchemy", "psycopg2", "sqlite3", "click", "rich", "ICSInterface"})


def test_its_errors_are_value_errors_and_have_one_root() -> None:
    for error in (exposure_schemas.InvalidValue, exposure_schemas.DecodeError):
        assert issubclass(error, exposure_schemas.SchemaError)
        assert issubclass(error, ValueError)
