"""The whole examination: the checks that every host has, then those that each side contributes."""

import importlib
from collections.abc import Iterator
from typing import Final

from exposure_bus.command.verbs import find_entry_points
from exposure_bus.doctor.broker import check_broker
from exposure_bus.doctor.configuration import check_configuration
from exposure_bus.doctor.finding import Finding, failed, not_here
from exposure_bus.doctor.host import Check, Host
from exposure_bus.doctor.installation import check_installation
from exposure_bus.errors import BusError

GROUP: Final = "exposure_bus.checks"
"""Entry points of this group are the checks that each side contributes."""

_EVERYWHERE: Final[dict[str, Check]] = {
    "installation": check_installation,
    "configuration": check_configuration,
    "broker": check_broker,
}


def examine(host: Host) -> Iterator[Finding]:
    """Run all checks; whatever one of them meets, the others run too."""
    for name, check in _EVERYWHERE.items():
        yield from _run(name, check, host)
    for name, target in find_entry_points(GROUP).items():
        yield from _run_contributed(name, target, host)


def _run(name: str, check: Check, host: Host) -> Iterator[Finding]:
    try:
        yield from check(host)
    except BusError as error:
        yield failed(name, str(error))
    except ModuleNotFoundError as error:
        yield failed(name, f"{error.name} is not installed", "install the extra that brings it (above)")


def _run_contributed(name: str, target: str, host: Host) -> Iterator[Finding]:
    module, _, function = target.partition(":")
    try:
        check: Check = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        yield not_here(name, f"{error.name} is not installed", "where it is needed, install its extra (above)")
        return
    yield from _run(name, check, host)
