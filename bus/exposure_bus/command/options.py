"""Options that several verbs share, each with its environment twin in ``--help``."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_HELP: Final = {
    "broker_url": "RabbitMQ, amqp:// or amqps://; several addresses separated by commas.",
    "exposure_db_url": "The exposureDB, postgresql://… or sqlite:///path.",
    "cache_url": "The follower's cache, sqlite:///path or postgresql://….",
    "subscriber": "Name of this follower.",
    "location_map": "What ICS calls a folder and what it is here: PREFIX=PREFIX, several separated by ';'.",
}


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Give a command flags for the settings it uses, and hand it a ready `Settings` as ``settings``.

    Args:
        names: Settings' names, such as ``"broker_url"``.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_settings(*args: Any, config: str | None, **flags: Any) -> Any:
            from pathlib import Path  # noqa: PLC0415 (--help is quick without it)

            from exposure_bus.settings import load_settings  # noqa: PLC0415 (likewise)

            own = {name: flags.pop(name) for name in names}
            return command(*args, settings=load_settings(own, Path(config) if config else None), **flags)

        decorated: Any = with_settings
        decorated = _option("config", "Settings file (TOML).", metavar="FILE")(decorated)
        for name in reversed(names):
            decorated = _option(name, _HELP[name])(decorated)
        return decorated  # type: ignore[no-any-return] # click's decorators forget the type

    return decorate


def _option(name: str, text: str, metavar: str | None = None) -> Callable[[Any], Any]:
    flag = "--" + name.replace("_", "-")
    return click.option(
        flag,
        name,
        metavar=metavar or name.rpartition("_")[2].upper(),
        help=f"{text}  [env: EXPOSURE_BUS_{name.upper()}]",
    )


format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="json: one object a line, times in ISO 8601 with Z.",
)
"""How a listing is written."""
