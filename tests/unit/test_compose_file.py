"""docker-compose.yml and the Dockerfile: valid, and in step with the rest of the repository."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from exposure_bus.settings import NAMES, PREFIX

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "docker-compose.yml"
DOCKERFILE: Final = ROOT / "deploy" / "docker" / "Dockerfile"
OUR_IMAGE: Final = "exposure-bus"


def read_compose_file() -> dict[str, Any]:
    content = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


SERVICES: Final = read_compose_file()["services"]


def own_services() -> dict[str, Any]:
    return {name: service for name, service in SERVICES.items() if service["image"] == OUR_IMAGE}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied_into_the_image() -> list[str]:
    copies = re.findall(r"^COPY (.+)$", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [source.rstrip("/") for copy in copies for source in copy.split()[:-1]]


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_services_are_the_four_on_the_way_of_an_exposure() -> None:
    assert set(SERVICES) == {"exposuredb", "broker", "publisher", "follower"}
    assert set(own_services()) == {"publisher", "follower"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_that_tell_their_health(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert wait == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_published_on_loopback_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_each_volume_is_declared_and_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(read_compose_file()["volumes"])


@pytest.mark.parametrize("name", own_services())
def test_each_setting_is_one_that_the_command_knows(name: str) -> None:
    environment = own_services()[name]["environment"]
    assert environment
    assert set(environment) <= {PREFIX + setting.upper() for setting in NAMES}


@pytest.mark.parametrize("name", own_services())
def test_each_service_of_ours_runs_a_verb_of_the_command_and_asks_another_for_its_health(name: str) -> None:
    service = own_services()[name]
    verbs = project()["project"]["entry-points"]["exposure_bus.verbs"]
    assert service["command"][0] in verbs
    assert service["healthcheck"]["test"][1] in project()["project"]["scripts"]
    assert service["healthcheck"]["test"][2] in verbs


@pytest.mark.parametrize("name", own_services())
def test_each_service_of_ours_is_built_from_the_dockerfile(name: str) -> None:
    build = own_services()[name]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE


def test_the_image_gets_each_package_and_whatever_the_build_reads() -> None:
    packages = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    rooms = {Path(package).parts[0] for package in packages}
    metadata = project()["project"]
    assert rooms | {metadata["readme"], *metadata["license-files"], "pyproject.toml"} <= set(copied_into_the_image())


@pytest.mark.parametrize("source", copied_into_the_image())
def test_what_the_image_copies_is_there_and_sent_to_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    rules = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert any(fnmatch(source, rule.removeprefix("!")) for rule in rules if rule.startswith("!"))
