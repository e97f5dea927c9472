"""The locks: they serve pyproject.toml, and whoever installs from them chooses where packages come from."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]
TESTED: Final = ROOT / "requirements.lock"
IMAGE: Final = ROOT / "deploy" / "docker" / "requirements.lock"
LOCKS: Final = (TESTED, IMAGE, ROOT / "requirements-nights.lock")


def pinned(lock: Path) -> set[Requirement]:
    text = lock.read_text(encoding="utf-8")
    return {Requirement(line) for line in re.findall(r"^([a-z0-9].*?) *\\$", text, flags=re.MULTILINE)}


def asked_for() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    asked = [Requirement(line) for line in [*project["dependencies"], *extras]]
    return [requirement for requirement in asked if requirement.name != project["name"]]


@pytest.mark.drift
@pytest.mark.parametrize("requirement", asked_for(), ids=str)
def test_the_lock_has_what_the_project_asks_for(requirement: Requirement) -> None:
    versions = [next(iter(pin.specifier)).version for pin in pinned(TESTED) if pin.name == requirement.name.lower()]
    assert versions, "run `make lock`"
    assert all(requirement.specifier.contains(version) for version in versions), "run `make lock`"


@pytest.mark.drift
def test_the_image_gets_the_versions_that_are_tested() -> None:
    assert pinned(IMAGE) <= pinned(TESTED), "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_pins_each_package_by_hash_and_names_no_source(lock: Path) -> None:
    lines = lock.read_text(encoding="utf-8").splitlines()
    assert pinned(lock)
    allowed = re.compile(r"[a-z0-9-]+==\S+( ; .*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|    #.*")
    assert [line for line in lines if not allowed.fullmatch(line) or "://" in line or line.endswith("/")] == []
