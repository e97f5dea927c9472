"""What we read in a checksum file is what coreutils reads in it."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fetch.examples import CHECKSUM, exposure_at

from exposure_subscriber.fetch.checksums import checksums_of
from exposure_subscriber.fetch.local_source import LocalSource
from exposure_subscriber.fetch.location import Location

names = st.text(
    st.sampled_from("ab.-*\\nr \n\r\t'\"$é\x0c\x85") | st.characters(exclude_characters="/\0", codec="utf-8"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", "..", CHECKSUM))


@settings(max_examples=25)
@given(contents=st.dictionaries(names, st.binary(max_size=8), min_size=1, max_size=5), data=st.data())
def test_the_files_that_match_are_those_that_coreutils_says_match(
    contents: dict[str, bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in contents.items():
            (folder / file).write_bytes(content)
        mode = data.draw(st.sampled_from(["--text", "--binary"]))
        (folder / CHECKSUM).write_bytes(_sha256sum(folder, mode, "--", *contents).stdout)
        changed = data.draw(st.sets(st.sampled_from(sorted(contents))))
        for file in changed:
            (folder / file).write_bytes(contents[file] + b"!")
        checksums = _checksums(folder)
        differing = {file for file in contents if checksums[file] != _hash(folder / file)}
        assert checksums.keys() == contents.keys()
        assert differing == changed
        assert (_sha256sum(folder, "--check", "--strict", CHECKSUM).returncode == 0) == (not differing)


def _checksums(folder: Path) -> dict[str, str]:
    with LocalSource(Location(text=str(folder))) as source:
        return checksums_of(source, source.names(), exposure_at(folder, None))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sha256sum(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sha256sum", *arguments], cwd=folder, capture_output=True, check=False)
