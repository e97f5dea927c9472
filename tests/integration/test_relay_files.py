"""The files of written exposures: listed beside the relay's loop, waited for, and hashed no more than needed."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from astropy.io import fits
from tests.in_threads import running
from tests.integration.relaying_files import NIGHT, Raw, Site, name, sha256
from tests.listening import listening
from tests.listing_files import hanging
from tests.processes import Processes
from tests.raw_sql import execute
from tests.waiting import wait_until

from exposure_bus.errors import Incomplete
from exposure_publisher import ExposureDB
from exposure_publisher.manifest import hashing, lister
from exposure_publisher.relay import listings, relay
from exposure_schemas import Exposure
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, HEARTBEAT_KEY

Log = pytest.LogCaptureFixture


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_INTERVAL", 0.1)
    monkeypatch.setattr(lister, "PATIENCE", 0.05)
    monkeypatch.setattr(listings, "FIRST_PAUSE", 0.01)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed, as it happens."""
    names: list[str] = []
    original = hashing.Reader._read

    def spy(self: hashing.Reader, path: Path) -> str:
        names.append(path.name)
        return original(self, path)

    monkeypatch.setattr(hashing.Reader, "_read", spy)
    return names


@pytest.fixture
def site(broker_url: str, exposure_db_url: str, tmp_path: Path) -> Iterator[Site]:
    bindings = (EXCHANGE, EVERY_EXPOSURE), (EXCHANGE, HEARTBEAT_KEY)
    with ExposureDB(exposure_db_url) as db, listening(broker_url, *bindings) as listener:
        yield Site(broker_url, exposure_db_url, db, listener, Raw(tmp_path / "raw"))


def sums(exposure: Exposure) -> dict[str, str | None]:
    assert exposure.files is not None
    return {file.name: file.sha256 for file in exposure.files}


def true_sums(location: Path) -> dict[str, str | None]:
    return {path.name: sha256(path.read_bytes()) for path in location.iterdir()}


# Beside the loop.


def test_files_that_hang_hold_up_neither_other_exposures_nor_heartbeats_nor_the_end(site: Site, caplog: Log) -> None:
    hung = [site.raw.write(expid, "desi", "sky") for expid in (1, 2, 3)]
    with hanging(*(path for location in hung for path in location.iterdir())):
        with running(site.relay()):
            for expid, location in enumerate(hung, 1):
                site.written(expid, location)
            wait_until(lambda: caplog.text.count("does not answer; others are listed meanwhile") >= 3, "all hanging")
            beats = len(site.listener.listen().heartbeats)
            for expid in (4, 5):
                site.written(expid, site.raw.write(expid, "desi"))
            site.db.record(expid=6, night=NIGHT)
            found = site.wait_for(4, 5)
            assert found.keys() == {4, 5}
            site.listener.wait_until(lambda heard: len(heard.heartbeats) > beats + 2, "heartbeats")
            wait_until(lambda: site.state().confirmed == site.state().newest, "their confirms")
            assert any(each.expid == 6 for summary in site.listener.summaries for each in summary.exposures)
        assert set(site.changes()) == {1, 2, 3}, "what hangs is kept for the next start"
    site.publish_once()
    found = site.wait_for(1, 2, 3)
    assert [sums(found[expid]) for expid in (1, 2, 3)] == [true_sums(location) for location in hung]


def test_an_exposure_whose_location_is_mended_is_not_held_up_by_the_wrong_one(site: Site, caplog: Log) -> None:
    wrong, right = site.raw.write(2, "desi"), site.raw.write(1, "desi")
    (wrong / name(2, "desi")).rename(wrong / name(1, "desi"))
    with hanging(*wrong.iterdir()), running(site.relay()):
        site.written(1, wrong)
        wait_until(lambda: "does not answer" in caplog.text, "it hanging")
        site.db.record(expid=1, data_location=str(right))
        found = site.wait_for(1)
        assert (found[1].data_location, sums(found[1])) == (str(right), true_sums(right))


def test_a_change_while_files_are_listed_is_announced_with_them(site: Site, read: list[str]) -> None:
    location = site.raw.write(1, "desi")
    with running(site.relay()):
        with hanging(*location.iterdir()):
            site.written(1, location)
            wait_until(lambda: read, "the listing having begun")
            site.db.record(expid=1, seeing=1.5)
            site.db.record(expid=2, night=NIGHT)
            wait_until(lambda: site.changes().count(2) == 0, "what came behind it")
        found = site.wait_for(1)
    assert (found[1].seeing, sums(found[1])) == (1.5, true_sums(location))
    assert read == [name(1, "desi")], "hashed once"


def test_an_exposure_that_is_written_no_more_is_announced_so_at_once(site: Site, read: list[str]) -> None:
    location = site.raw.write(1, "desi")
    with running(site.relay()), hanging(*location.iterdir()):
        site.written(1, location)
        wait_until(lambda: read, "the listing having begun")
        site.db.record(expid=1, data_written=False)
        wait_until(lambda: site.changes() == [], "its number")
    assert {exposure.data_written for summary in site.listener.summaries for exposure in summary.exposures} == {False}


def test_an_exposure_that_is_deleted_while_its_files_are_listed_is_not_announced(
    site: Site, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "FRESH", 0.0)  # as if the listing had taken long
    location = site.raw.write(1, "desi")
    with running(site.relay()):
        with hanging(*location.iterdir()):
            site.written(1, location)
            wait_until(lambda: read, "the listing having begun")
            execute(site.url, "DELETE FROM exposure WHERE expid = 1")
        wait_until(lambda: site.changes() == [], "its changes being done with")
    assert site.announced() == {}


def test_many_that_wait_for_their_files_leave_room_for_the_newest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night that is loaded while its file server hangs, and an exposure that is taken then."""
    monkeypatch.setattr(listings, "MOST", 10)
    monkeypatch.setattr(listings, "ENOUGH", 8)
    monkeypatch.setattr("exposure_publisher.relay.live.PAGE", 4)
    monkeypatch.setattr(lister, "MOST_THREADS", 5)
    old = [site.raw.write(expid, "desi") for expid in range(1, 31)]
    with running(site.relay()):
        # The newest are listed first, so these are what the first threads get.
        with hanging(*(path for location in old[:4] for path in location.iterdir())):
            for expid, location in enumerate(old[:4], 1):
                site.written(expid, location)
            site.db.record_many(
                {"expid": expid, "night": NIGHT, "data_written": True, "data_location": str(location)}
                for expid, location in enumerate(old[4:], 5)
            )
            site.written(99, site.raw.write(99, "desi"))
            site.wait_for(99, *range(5, 31))
        found = site.wait_for(*range(1, 31))
    assert {expid: sums(found[expid]) for expid in range(1, 31)} == {
        expid: true_sums(location) for expid, location in enumerate(old, 1)
    }


def test_exposures_that_need_no_listing_start_no_thread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lister.Lister, "submit", None)
    site.db.record(expid=1, night=NIGHT)
    site.db.record(expid=2, night=NIGHT, data_location="/pending")
    site.written(3, Path("elsewhere"))
    site.db.record(expid=4, night=NIGHT, data_written=True)
    site.publish_once()
    assert {each.expid for summary in site.listener.wait_for(4) for each in summary.exposures} == {1, 2, 3, 4}


# Files that are not there yet.


def test_an_exposure_waits_for_the_files_that_its_checksum_file_lists_across_a_restart(site: Site, caplog: Log) -> None:
    caplog.set_level(logging.INFO)
    site.raw.promise(1, "desi", "sky")
    location = site.raw.write(1, "desi")
    with running(site.relay()):
        site.written(1, location)
        site.written(2, site.raw.write(2, "desi"))
        site.wait_for(2)
        wait_until(lambda: "it is announced as soon as they are all there" in caplog.text, "it being said")
    with pytest.raises(Incomplete, match=r"not announced, since .* missing or changing: 1; they wait for the next run"):
        site.publish_once()
    assert site.announced().keys() == {2}
    with running(site.relay()):
        site.db.record(expid=3, night=NIGHT)
        wait_until(lambda: caplog.text.count("announced as soon as they are all there") == 3, "it being said again")
        site.raw.write(1, "sky")
        found = site.wait_for(1)
    assert sums(found[1]) == true_sums(location)
    assert f"exposure 1: its checksum file lists '{name(1, 'sky')}', not in {location}" in caplog.text
    assert f"exposure 1: its files are all in {location} now" in caplog.text
    assert caplog.text.count("as soon as they are all there") == 3, "said once a start, not at every look"


def test_an_exposure_that_waits_is_looked_at_at_once_when_its_row_changes(
    site: Site, caplog: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(listings, "LONGEST_PAUSE", 3600.0)
    site.raw.promise(1, "desi")
    with running(site.relay()):
        site.written(1, site.raw.location(1))
        wait_until(lambda: "as soon as they are all there" in caplog.text, "it waiting")
        site.raw.write(1, "desi")
        site.db.record(expid=1, seeing=1.5)
        assert site.wait_for(1)[1].seeing == 1.5


def test_a_file_that_is_being_written_is_waited_for(site: Site, caplog: Log) -> None:
    location = site.raw.write(1, "desi")
    with running(site.relay()):
        with hanging(location / name(1, "desi")) as (descriptor,):
            site.written(1, location)
            wait_until(lambda: "does not answer" in caplog.text, "the listing having begun")
            os.ftruncate(descriptor, 3)
        found = site.wait_for(1)
    assert f"exposure 1: '{name(1, 'desi')}' changed while hashed in {location}" in caplog.text
    assert sums(found[1]) == {name(1, "desi"): sha256(b"pho")}


def test_an_exposure_without_any_file_is_announced_with_an_empty_manifest(site: Site) -> None:
    site.written(1, site.raw.location(1))
    site.publish_once()
    assert site.wait_for(1)[1].files == ()


# Again.


def test_replaced_files_are_a_new_sequence_with_a_new_manifest_and_only_they_are_hashed_again(
    site: Site, read: list[str]
) -> None:
    location = site.raw.write(1, "desi", "sky", "gfa")
    site.written(1, location)
    site.publish_once()
    before = site.wait_for(1)[1]
    assert len(read) == 3
    read.clear()
    site.raw.write(1, "sky", content=b"better photons")
    site.db.data_written(1)
    site.publish_once()
    wait_until(lambda: site.announced()[1].sequence > before.sequence, "its new state")
    assert sums(site.announced()[1]) == true_sums(location) != sums(before)
    assert read == [name(1, "sky")]


def test_another_change_of_the_row_reads_no_file_again(site: Site, read: list[str]) -> None:
    location = site.raw.write(1, "desi")
    site.written(1, location)
    site.publish_once()
    before = site.wait_for(1)[1]
    (location / name(1, "desi")).unlink()
    site.db.record(expid=1, seeing=1.5)
    site.publish_once()
    wait_until(lambda: site.announced()[1].seeing == 1.5, "its new state")
    assert site.announced()[1].files == before.files
    assert read == [name(1, "desi")]


def test_a_relay_that_is_killed_while_it_hashes_announces_the_exposure_once_with_true_checksums(
    site: Site, processes: Processes
) -> None:
    processes.settings(broker_url=site.broker_url, exposure_db_url=site.url)
    location = site.raw.write(1, "desi", "sky")
    with hanging(*location.iterdir()):
        killed = processes.start("publish")
        site.written(1, location)
        killed.wait_for_log("does not answer; others are listed meanwhile")
        killed.kill()
    assert site.announced() == {}
    assert processes.run("publish", "--once").returncode == 0
    assert sums(site.wait_for(1)[1]) == true_sums(location)
    assert [each.expid for summary in site.listener.summaries for each in summary.exposures if each.data_written] == [1]


def test_a_relay_whose_files_hang_ends_at_once_when_it_is_told_to(site: Site, processes: Processes) -> None:
    processes.settings(broker_url=site.broker_url, exposure_db_url=site.url)
    location = site.raw.write(1, "desi")
    with hanging(*location.iterdir()):
        ended = processes.start("publish")
        site.written(1, location)
        ended.wait_for_log("does not answer; others are listed meanwhile")
        assert ended.end() == 0
    assert site.changes() != []


# What is asked for.


def test_without_checksums_no_file_is_read(site: Site, read: list[str]) -> None:
    checksums = site.raw.promise(1, "desi")
    location = site.raw.write(1, "desi", "sky")
    site.written(1, location)
    site.publish_once(checksums=False)
    found = sums(site.wait_for(1)[1])
    assert found == true_sums(location) | {name(1, "sky"): None, checksums.name: None}
    assert read == []


def test_headers_at_odds_are_said_and_the_exposure_is_announced(site: Site, caplog: Log) -> None:
    unit = fits.PrimaryHDU()
    unit.header.update(NIGHT=20230914, EXPID=1)
    unit.writeto(site.raw.location(1) / "pm-00000001.fits")
    site.written(1, site.raw.location(1))
    site.publish_once(check_headers=True)
    assert sums(site.wait_for(1)[1]) == true_sums(site.raw.location(1))
    said = "exposure 1: pm-00000001.fits: its header has NIGHT = 20230914, the exposureDB 20230913"
    assert caplog.text.count(said) == 1


def test_the_command_takes_both_options_and_says_what_it_needs_for_headers(
    site: Site, processes: Processes, tmp_path: Path
) -> None:
    processes.settings(broker_url=site.broker_url, exposure_db_url=site.url)
    (tmp_path / "astropy.py").write_text("raise ModuleNotFoundError(name='astropy')")
    site.written(1, site.raw.write(1, "desi"))
    with_astropy = dict(processes.environment)
    processes.environment["PYTHONPATH"] = str(tmp_path)
    refused = processes.run("publish", "--once", "--check-headers")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "exposure-bus: --check-headers needs astropy: pip install 'exposure-bus[headers]'\n"
    processes.environment = with_astropy
    done = processes.run("publish", "--once", "--check-headers", "--no-checksums")
    assert done.returncode == 0, done.stderr
    assert f"exposure 1: {name(1, 'desi')}: its header cannot be read: " in done.stderr
    assert sums(site.wait_for(1)[1]) == {name(1, "desi"): None}


def test_the_doctor_names_the_exposures_that_wait_and_for_what(site: Site, processes: Processes) -> None:
    processes.settings(broker_url=site.broker_url, exposure_db_url=site.url)
    site.written(1, site.raw.write(1, "desi"))
    site.written(2, Path("/absent"))
    well = [line for line in processes.run("doctor").stdout.splitlines() if line.startswith("files ")]
    assert "no written exposure waits for a file" in well[0]
    site.raw.promise(3, "desi", "sky", "gfa")
    site.written(3, site.raw.write(3, "sky"))
    report = " ".join(processes.run("doctor", "--format", "csv").stdout.split())
    assert f"1 written exposure not announced, waiting for listed files: 3 for {name(3, 'desi')} and 1 more" in report
    assert str(site.raw.location(3)) in report
