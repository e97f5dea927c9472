"""Which files are asked for: by the manifest, or by looking."""

from pathlib import Path

import pytest
from tests.unit.fetch.examples import (
    CHECKSUM,
    ETC,
    FIBERMAP,
    FILES,
    SPECTRO,
    contents,
    exposure_at,
    fetch,
    manifest_of,
    sha256,
    write,
    written,
)

from exposure_schemas import ManifestFile
from exposure_subscriber.errors import FetchError, FileClassMissing, LocationRefused, Mismatch, UnknownFileClass


def test_only_the_classes_asked_for_are_brought(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), tmp_path / "qlf", file_class=("desi", "etc"))
    assert [(file.name, file.file_class) for file in found.files] == [(SPECTRO, "spectro"), (ETC, "etc")]
    assert contents(tmp_path / "qlf") == {SPECTRO: FILES[SPECTRO], ETC: FILES[ETC]}


def test_classes_may_be_a_generator(tmp_path: Path) -> None:
    found = fetch(written(tmp_path / "ics"), None, file_class=(name for name in ["etc", "all"]))
    assert [file.name for file in found.files] == sorted(FILES)


def test_without_a_manifest_the_folder_is_looked_at(tmp_path: Path) -> None:
    folder = write(tmp_path / "ics", {**FILES, SPECTRO + ".orig": b"stray", "desi-00012344.fits.fz": b"another"})
    found = fetch(exposure_at(folder, None), tmp_path / "qlf")
    assert [file.name for file in found.files] == sorted(FILES)
    assert contents(tmp_path / "qlf") == FILES


@pytest.mark.parametrize("name", [CHECKSUM, "checksum-20240105-00012345.sha256sum"])
def test_without_a_manifest_the_checksum_file_is_believed(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "ics", {ETC: b"{}", name: f"{sha256(b'[]')} *./{ETC}\n".encode()})
    assert fetch(exposure_at(folder, None), None, file_class="etc").files[0].sha256 == sha256(b"[]")
    with pytest.raises(Mismatch, match=f"{ETC} has SHA-256 {sha256(b'{}')} instead of {sha256(b'[]')}"):
        fetch(exposure_at(folder, None), tmp_path / "qlf", file_class="etc")


def test_a_file_that_the_checksum_file_leaves_out_is_brought_all_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "ics", {**FILES, CHECKSUM: f"{sha256(FILES[ETC])}  {ETC}\n".encode()})
    found = fetch(exposure_at(folder, None), tmp_path / "qlf", file_class="fibermap")
    assert found.files[0].sha256 == sha256(FILES[FIBERMAP])


@pytest.mark.parametrize(("content", "reason"), [(b"x\n", "no line with a checksum"), (b"\n" * (2**20 + 1), "larger")])
def test_a_damaged_checksum_file_is_not_passed_over(content: bytes, reason: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "ics", {**FILES, CHECKSUM: content})
    with pytest.raises(FetchError, match=reason):
        fetch(exposure_at(folder, None), tmp_path / "qlf")


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_class_without_a_file_is_named_with_the_exposure_and_the_classes_there(
    with_manifest: bool, tmp_path: Path
) -> None:
    folder = write(tmp_path / "ics")
    exposure = exposure_at(folder, manifest_of(FILES) if with_manifest else None)
    message = "exposure 12345 has no file of class guider, sky: there are etc, fibermap, spectro"
    with pytest.raises(FileClassMissing, match=message):
        fetch(exposure, tmp_path / "qlf", file_class=["sky", "spectro", "guider"])
    assert not (tmp_path / "qlf").exists()


def test_an_exposure_without_any_file_is_valid_and_needs_no_folder(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert fetch(exposure_at(nowhere, ()), tmp_path / "qlf").files == ()
    assert (tmp_path / "qlf").is_dir()
    assert fetch(exposure_at(None, ()), tmp_path / "qlf").files == ()
    assert fetch(exposure_at(nowhere, ()), None).path == nowhere
    with pytest.raises(FileClassMissing, match="there are none"):
        fetch(exposure_at(nowhere, ()), None, file_class="spectro")


def test_an_empty_folder_without_a_manifest_is_valid_for_all(tmp_path: Path) -> None:
    (tmp_path / "ics").mkdir()
    assert fetch(exposure_at(tmp_path / "ics", None), None).files == ()


def test_a_file_of_no_class_is_never_asked_for(tmp_path: Path) -> None:
    stray = ManifestFile(name="notes.txt", file_class=None, size=1)
    exposure = exposure_at(write(tmp_path / "ics"), (*manifest_of(FILES), stray))
    assert [file.name for file in fetch(exposure, None).files] == sorted(FILES)


@pytest.mark.parametrize("file_class", ["spectra", (), ["spectro", "x"]])
def test_an_unknown_class_is_refused(file_class: str | list[str], tmp_path: Path) -> None:
    with pytest.raises(UnknownFileClass, match="known are spectro"):
        fetch(written(tmp_path / "ics"), None, file_class=file_class)


@pytest.mark.parametrize(
    "name", ["../passwd", "a/b", "/etc/passwd", "..", ".", "", ".part", "-rf", "a\nb", "a\0b", "a\x85b", "é" * 128]
)
def test_a_name_that_is_no_plain_file_name_is_refused(name: str, tmp_path: Path) -> None:
    exposure = exposure_at(write(tmp_path / "ics"), (ManifestFile(name=name, file_class="spectro", size=1),))
    with pytest.raises(LocationRefused, match="no plain file name"):
        fetch(exposure, tmp_path / "qlf", file_class="spectro")


def test_an_odd_name_that_nobody_asks_for_keeps_none_of_the_others(tmp_path: Path) -> None:
    odd = ManifestFile(name="-rf", file_class=None, size=1)
    exposure = exposure_at(write(tmp_path / "ics"), (*manifest_of(FILES), odd))
    assert len(fetch(exposure, tmp_path / "qlf").files) == len(FILES)


def test_a_name_that_stands_twice_in_the_manifest_is_refused(tmp_path: Path) -> None:
    exposure = exposure_at(write(tmp_path / "ics"), manifest_of(FILES) * 2)
    with pytest.raises(LocationRefused, match="names a file twice"):
        fetch(exposure, tmp_path / "qlf")
