"""Settings: built once at the entry point, immutable, passed down.

A flag beats the environment, which beats the TOML file, which beats the default. A wrong one is named with its source.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from exposure_bus.errors import SettingsError
from exposure_schemas import SubscriberName

PREFIX: Final = "EXPOSURE_BUS_"
"""Every setting's environment variable is this and the setting's name in capitals."""

CONFIG_VARIABLE: Final = PREFIX + "CONFIG"

DEFAULT: Final = "default"
"""Source of a setting that nobody has set."""

Url = Annotated[str, Meta(min_length=1)]


class TableSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody else's table of exposures, as ``[attach]`` in the settings file tells of it."""

    table: str = ""
    """Its name, with its schema where it has one."""
    profile: str = ""
    """Name of a mapping that is known, on which the rest is laid."""
    columns: dict[str, str] = {}
    """Our name to their column, or to an SQL expression over their columns."""
    none: dict[str, list[int | float | str]] = {}
    """Our name to the values that stand for none there."""
    where: str | None = None
    """SQL condition that a row meets which is an exposure; any other is retracted."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where everything is."""

    broker_url: Url = "amqp://guest:guest@127.0.0.1:5672/%2F"
    """RabbitMQ, ``amqp://`` or ``amqps://``; several addresses separated by commas."""
    exposure_db_url: Url
    """The exposureDB, ``postgresql://…`` or ``sqlite:///path``."""
    cache_url: Url
    """The follower's cache, ``sqlite:///path`` or ``postgresql://…``."""
    subscriber: SubscriberName = "qlf"
    """Name of this follower; its queue is ``exposures.<subscriber>``."""
    location_map: dict[str, str] = {}
    """What ICS calls a folder, and what it is here: prefix to prefix, the longest first."""
    attach: TableSettings = TableSettings()
    """What ``exposure-bus attach`` attaches the bus to; in the file alone."""


_IN_THE_FILE: Final = Settings.__struct_fields__

NAMES: Final = tuple(name for name in _IN_THE_FILE if name != "attach")
"""Settings that have a flag and an environment variable."""


def load_settings(flags: Mapping[str, Any] | None = None, config: Path | None = None) -> Settings:
    """Build the settings out of flags, environment, file and defaults.

    Args:
        flags: Setting's name to value; None values do not count.
        config: The TOML file; default: what ``EXPOSURE_BUS_CONFIG`` names, else ``exposure-bus.toml`` under the
            XDG configuration folder, if it is there.

    Raises:
        SettingsError: A value is wrong, a name unknown, or the file unreadable; names the source.
    """
    values, sources = _gathered(flags or {}, config)
    return Settings(**{name: _convert(name, value, sources[name]) for name, value in values.items()})


def setting_sources(flags: Mapping[str, Any] | None = None, config: Path | None = None) -> dict[str, str]:
    """Return where each setting comes from: ``default``, a file, an environment variable or a flag.

    Arguments and errors are those of `load_settings`.
    """
    return _gathered(flags or {}, config)[1]


def _gathered(flags: Mapping[str, Any], config: Path | None) -> tuple[dict[str, Any], dict[str, str]]:
    values = _defaults()
    sources = dict.fromkeys(_IN_THE_FILE, DEFAULT)
    for source, layer in _layers(flags, config):
        values |= layer
        sources |= dict.fromkeys(layer, source)
    return values, sources


def redacted(url: str) -> str:
    """Return a URL, or several separated by commas, fit for a log: passwords replaced by ``***``.

    A URL that is wrong is shown in the message that says so: whatever is in it, its password is not shown.
    """
    return "".join(_redact_one(part) for part in _NEXT_URL.split(url))


_NEXT_URL: Final = re.compile(r"(,)(?=\s*[A-Za-z][A-Za-z0-9+.-]*://)")
"""The comma before another address; one within a password is none."""

_CREDENTIALS: Final = re.compile(r"(?P<user>://[^:@]*):.*@", re.DOTALL)
_QUERY: Final = re.compile(r"(?P<name>[?&]\w*password)=[^&]*")


def _redact_one(url: str) -> str:
    if url.lstrip().startswith("sqlite:"):
        return url  # a path may hold a colon and an @
    return _CREDENTIALS.sub(r"\g<user>:***@", _QUERY.sub(r"\g<name>=***", url))


def _defaults() -> dict[str, Any]:
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "exposure-bus"
    return {
        "exposure_db_url": f"sqlite:///{data / 'exposuredb.sqlite'}",
        "cache_url": f"sqlite:///{data / 'cache.sqlite'}",
    }


def _layers(flags: Mapping[str, Any], config: Path | None) -> list[tuple[str, dict[str, Any]]]:
    file, named = _config_file(config)
    environment = {name: os.environ[PREFIX + name.upper()] for name in NAMES if os.environ.get(PREFIX + name.upper())}
    given = {name: value for name, value in flags.items() if value is not None}
    layers = [(str(file), _read_file(file))] if named or _is_there(file) else []
    layers += [(f"environment variable {PREFIX}{name.upper()}", {name: value}) for name, value in environment.items()]
    layers += [(f"flag --{name.replace('_', '-')}", {name: value}) for name, value in given.items()]
    return layers


def _config_file(config: Path | None) -> tuple[Path, bool]:
    """Return the file to read, and whether somebody named it (then it must be there)."""
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if named:
        return named, True
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "exposure-bus.toml", False


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        return False  # a home that may not be looked into holds no settings of ours


def _read_file(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the settings file {file}: {error}") from error
    unknown = sorted(set(content) - set(_IN_THE_FILE))
    if unknown:
        raise SettingsError(f"{file}: unknown setting {unknown[0]!r}; known are {', '.join(_IN_THE_FILE)}")
    return content


_IN_WORDS: Final = {
    "subscriber": "give letters, digits, _ and -, at most 64, and none of all, log, rejected, requests",
}
"""What a setting has to be, where the type's own words are a pattern."""


def _convert(name: str, value: Any, source: str) -> Any:
    if name == "location_map" and isinstance(value, str):
        value = _parse_map(value, source)
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == name)
    try:
        converted = msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        wanted = _IN_WORDS.get(name, str(error))
        raise SettingsError(f"{name} from {source} is {_shown(value)}: {wanted}") from error
    _check_scheme(name, converted, source)
    return converted


def _parse_map(text: str, source: str) -> dict[str, str]:
    """Read ``from=to;from=to``, as an environment variable or a flag writes it."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    if any(not prefix.strip() or not sign for prefix, sign, _ in pairs):
        raise SettingsError(f"location_map from {source} is {text!r}: write PREFIX=PREFIX, several separated by ';'")
    return {prefix.strip(): here.strip() for prefix, _, here in pairs}


_BEGINNINGS: Final = {
    "broker_url": ("amqp://", "amqps://"),
    "exposure_db_url": ("postgresql://", "sqlite:///"),
    "cache_url": ("sqlite:///", "postgresql://"),
}


def _check_scheme(name: str, value: Any, source: str) -> None:
    if name not in _BEGINNINGS:
        return
    for url in value.split(",") if name == "broker_url" else [value]:
        given = url.strip()
        if not given.startswith(_BEGINNINGS[name]) or given in _BEGINNINGS[name]:
            allowed = " or ".join(_BEGINNINGS[name])
            raise SettingsError(f"{name} from {source} is {_shown(value)}: it must begin with {allowed}, and go on")


def _shown(value: Any) -> str:
    return repr(redacted(value) if isinstance(value, str) else value)
