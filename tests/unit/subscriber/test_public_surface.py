"""What QLF and others build on: names, signatures, keys, errors. A change here is a change for them."""

import inspect
import subprocess
import sys
import warnings
from typing import Any

import pytest

import ICSInterface
from exposure_bus.errors import BusError
from exposure_schemas import SUMMARY_KEYS

EVERYTHING = [
    "CacheUnavailable",
    "FetchError",
    "FileClassMissing",
    "FileDiffers",
    "FilePath",
    "ICSError",
    "ICSInterface",
    "InvalidAlarm",
    "InvalidArgument",
    "LocationRefused",
    "Mismatch",
    "NameInUse",
    "NoSpace",
    "NoSuchExposure",
    "NotWritten",
    "RangeError",
    "SourceUnreachable",
    "StaleCacheWarning",
    "UnknownFileClass",
    "alarm",
    "get_exposure_files",
    "get_exposure_summary",
    "new_exposures",
    "status",
]

SIGNATURES = {
    "get_exposure_summary": "(date_range=None, expid_range=None, require_data_written=True, *, data_range=None)",
    "get_exposure_files": "(expid, dest=None, file_class=('spectro', 'fibermap'), overwrite=True)",
    "new_exposures": "(name='default', timeout=None)",
    "alarm": "(message, level='EVENT')",
    "status": "()",
}

KEYS = [
    "expid",
    "skyra",
    "skydec",
    "exptime",
    "program",
    "tile_id",
    "exptype",
    "date",
    "night",
    "seeing",
    "airmass",
    "transparency",
    "skylevel",
    "s2n",
    "data_written",
    "data_location",
]

TREE = {
    "RangeError": ("ICSError", ValueError, 2),
    "InvalidArgument": ("ICSError", ValueError, 2),
    "UnknownFileClass": ("ICSError", ValueError, 2),
    "InvalidAlarm": ("ICSError", ValueError, 2),
    "NoSuchExposure": ("ICSError", LookupError, 3),
    "NotWritten": ("ICSError", BusError, 3),
    "NameInUse": ("ICSError", BusError, 1),
    "CacheUnavailable": ("ICSError", BusError, 1),
    "FetchError": ("ICSError", BusError, 1),
    "FileClassMissing": ("FetchError", BusError, 3),
    "LocationRefused": ("FetchError", BusError, 1),
    "SourceUnreachable": ("FetchError", BusError, 1),
    "Mismatch": ("FetchError", BusError, 1),
    "NoSpace": ("FetchError", BusError, 1),
    "FileDiffers": ("FetchError", BusError, 1),
}


def signature(function: Any) -> str:
    """A signature's names and defaults, without what only type checkers read."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(parameters))


def test_the_names_of_the_interface_are_these() -> None:
    assert list(ICSInterface.__all__) == EVERYTHING
    assert all(hasattr(ICSInterface, name) for name in EVERYTHING)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_and_the_method_of_its_name_take_the_same(name: str) -> None:
    assert signature(getattr(ICSInterface, name)) == SIGNATURES[name]
    assert signature(getattr(ICSInterface.ICSInterface, name)) == SIGNATURES[name]


def test_an_interface_of_ones_own_is_built_without_arguments_or_with_its_own_urls() -> None:
    assert signature(ICSInterface.ICSInterface) == (
        "(cache_url=None, broker_url=None, subscriber=None, location_map=None)"
    )


def test_a_summary_has_sixteen_keys_in_the_order_of_the_exposure_database() -> None:
    assert list(SUMMARY_KEYS) == KEYS
    assert len(KEYS) == 16


@pytest.mark.parametrize("name", TREE)
def test_each_error_has_its_place_in_the_tree_and_its_exit_code(name: str) -> None:
    parent, kind, code = TREE[name]
    error = getattr(ICSInterface, name)
    assert issubclass(error, getattr(ICSInterface, parent))
    assert issubclass(error, kind)
    assert issubclass(error, ICSInterface.ICSError)
    assert issubclass(error, BusError)
    assert error.exit_code == code


def test_every_error_of_the_interface_is_in_the_tree() -> None:
    errors = {name for name in EVERYTHING if _is(name, BaseException)} - {"StaleCacheWarning"}
    assert errors == {"ICSError", *TREE}


def _is(name: str, kind: type) -> bool:
    value = getattr(ICSInterface, name)
    return inspect.isclass(value) and issubclass(value, kind)


def test_a_stale_cache_is_a_warning_that_is_shown_by_default() -> None:
    assert issubclass(ICSInterface.StaleCacheWarning, UserWarning)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.warn("the cache may be behind", ICSInterface.StaleCacheWarning, stacklevel=1)
    assert len(caught) == 1


def test_importing_it_opens_nothing_reads_no_environment_and_needs_no_broker_library() -> None:
    command = (
        "import os, sys, socket, sqlite3, msgspec, logging\n"
        "def refuse(*_arguments, **_options): raise AssertionError('something was opened or read')\n"
        "socket.socket.connect = sqlite3.connect = type(os.environ).__getitem__ = refuse\n"
        "import ICSInterface\n"
        "print(*sorted({'pika', 'sqlalchemy', 'psycopg2', 'click', 'rich'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []
