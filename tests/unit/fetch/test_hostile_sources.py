"""Sources that lead elsewhere, or that cannot be read to the end."""

import os
from pathlib import Path

import pytest
from tests.unit.fetch.examples import CHECKSUM, ETC, FILES, contents, exposure_at, fetch, manifest_of, write, written

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import LocationRefused, SourceUnreachable


def linked(folder: Path, name: str, target: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).symlink_to(target)
    return folder


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_file_that_is_a_symbolic_link_is_refused(copied: bool, with_manifest: bool, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(FILES[ETC])
    folder = linked(tmp_path / "ics", ETC, tmp_path / "secret")
    exposure = exposure_at(folder, manifest_of({ETC: FILES[ETC]}) if with_manifest else None)
    with pytest.raises(LocationRefused, match=f"{ETC} is a symbolic link"):
        fetch(exposure, tmp_path / "qlf" if copied else None, file_class="etc")
    assert not (tmp_path / "qlf" / ETC).exists()


def test_a_link_within_the_folder_is_refused_too(tmp_path: Path) -> None:
    folder = linked(write(tmp_path / "ics", {"etc.json": FILES[ETC]}), ETC, Path("etc.json"))
    with pytest.raises(LocationRefused, match="symbolic link"):
        fetch(exposure_at(folder, manifest_of({ETC: FILES[ETC]})), tmp_path / "qlf")


def test_a_checksum_file_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    folder = linked(write(tmp_path / "ics"), CHECKSUM, Path("/etc/passwd"))
    with pytest.raises(LocationRefused, match="symbolic link"):
        fetch(exposure_at(folder, None), tmp_path / "qlf", file_class="etc")


def test_a_link_of_a_class_that_nobody_asked_for_hinders_nobody(tmp_path: Path) -> None:
    folder = linked(write(tmp_path / "ics"), "sky-00012345.fits.fz", Path("/etc/passwd"))
    fetch(exposure_at(folder, None), tmp_path / "qlf", file_class="etc")
    assert contents(tmp_path / "qlf") == {ETC: FILES[ETC]}


def test_the_folder_itself_may_be_a_link_as_mounts_often_are(tmp_path: Path) -> None:
    exposure = written(tmp_path / "disk")
    (tmp_path / "ics").symlink_to(tmp_path / "disk")
    found = fetch(exposure_at(tmp_path / "ics", exposure.files), None)
    assert found.path == tmp_path / "ics"


def test_a_mapped_folder_may_not_lead_out_of_the_root_of_the_map(tmp_path: Path) -> None:
    exposure = written(tmp_path / "elsewhere")
    (tmp_path / "mnt").mkdir()
    (tmp_path / "mnt" / "night").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocationRefused, match="leads out of"):
        fetch(exposure_at("/raw/night", exposure.files), None, location_map={"/raw": str(tmp_path / "mnt")})


def test_the_root_of_the_map_may_be_a_link_and_links_beneath_it_may_stay_beneath_it(tmp_path: Path) -> None:
    exposure = written(tmp_path / "disk" / "first")
    (tmp_path / "disk" / "second").symlink_to("first")
    (tmp_path / "mnt").symlink_to(tmp_path / "disk")
    found = fetch(exposure_at("/raw/second", exposure.files), None, location_map={"/raw": str(tmp_path / "mnt")})
    assert found.path == tmp_path / "mnt" / "second"


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ETC)
    exposure = exposure_at(tmp_path, manifest_of({ETC: FILES[ETC]}))
    with pytest.raises(SourceUnreachable, match="not a regular file"):
        fetch(exposure, tmp_path / "qlf")


def test_an_input_error_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    # /proc/self/mem is a regular file; its first page is never mapped, so reading it is a true EIO
    exposure = exposure_at("/proc/self", (ManifestFile(name="mem", file_class="spectro", size=10),))
    with pytest.raises(SourceUnreachable, match="cannot read /proc/self/mem: Input/output error"):
        fetch(exposure, tmp_path / "qlf")
    assert contents(tmp_path / "qlf") == {}


def test_a_source_that_goes_away_between_look_and_copy_is_unreachable(tmp_path: Path) -> None:
    exposure = written(tmp_path / "ics")

    def take_away(_count: int) -> None:
        for path in (tmp_path / "ics").iterdir():
            path.unlink()

    with pytest.raises(SourceUnreachable, match="No such file"):
        fetch(exposure, tmp_path / "qlf", progress=take_away, jobs=1)
    assert contents(tmp_path / "qlf") == {ETC: FILES[ETC]}
