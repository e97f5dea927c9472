"""``exposure-bus rejected``: what was set aside, and what becomes of it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from exposure_bus.command.options import format_option, settings_options

if TYPE_CHECKING:
    from exposure_bus.command.listing import Format
    from exposure_bus.settings import Settings
    from exposure_subscriber.rejected import Entry, Letter, Outcome

COLUMNS = ("id", "from", "when", "reason", "detail", "routing_key", "type", "app_id", "message_id", "size")

TABLE_COLUMNS = ("id", "from", "when", "reason", "size", "detail")
"""What fits a terminal."""

_ALL = click.option("--all", "everything", is_flag=True, help="All of them, in the cache and at the broker.")


@click.group()
def rejected() -> None:
    """Look at messages that were set aside, send them to the follower again, or drop them.

    What the follower cannot decode lies in its cache, under a number. What the broker took out of a follower's queue
    (delivered too often, or the queue was full) lies at the broker, under b and ten digits. Neither stops anything,
    and healing brings the exposures that they told of.

    \b
    Examples:
      exposure-bus rejected list
      exposure-bus rejected show 17
      exposure-bus rejected retry 17 b3f9a01c2e4
      exposure-bus rejected drop --all
    """


@rejected.command("list")
@format_option
@settings_options("broker_url", "cache_url")
def list_all(*, settings: "Settings", output_format: "Format") -> int:
    """List them, the oldest first.

    \b
    Examples:
      exposure-bus rejected list
      exposure-bus rejected list --format json | jq -r 'select(.reason == "maxlen").id'

    Exit code 1 if the cache or the broker could not be asked; what the other has is listed.
    """
    from exposure_bus.command.listing import print_rows

    entries, problems = _entries(settings)
    rows = [_row(entry) for entry in sorted(entries, key=_moment)]
    if output_format != "table":
        print_rows(rows, COLUMNS, output_format)
    elif rows:
        print_rows(map(_short, rows), TABLE_COLUMNS, output_format)
    elif not problems:
        click.echo("nothing is set aside", err=True)
    for problem in problems:
        click.echo(f"exposure-bus: {problem}", err=True)
    return 1 if problems else 0


@rejected.command()
@click.argument("letter_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the bytes of the body to standard output, and nothing else.")
@settings_options("broker_url", "cache_url")
def show(*, settings: "Settings", letter_id: str, raw: bool) -> None:
    """Show one: could it be read now, properties, body.

    \b
    Examples:
      exposure-bus rejected show 17
      exposure-bus rejected show b3f9a01c2e4 --raw > body.msgpack

    Exit code 3 if there is no such message.
    """
    import sys

    from exposure_subscriber.rejected.showing import lines_of

    letter = _find(settings, letter_id)
    if raw:
        sys.stdout.buffer.write(letter.body)
        sys.stdout.flush()
        return
    for line in lines_of(letter):
        click.echo(line)


@rejected.command()
@click.argument("ids", metavar="ID...", nargs=-1)
@_ALL
@settings_options("broker_url", "subscriber", "cache_url")
def retry(*, settings: "Settings", ids: tuple[str, ...], everything: bool) -> int:
    """Send them to the follower again.

    Body and properties stay as they came. Each leaves its place once the broker has confirmed it. One that could still
    not be read stays, with the reason. A message at the broker goes to the follower out of whose queue it was taken.

    \b
    Examples:
      exposure-bus rejected retry 17 18 b3f9a01c2e4
      exposure-bus rejected retry --all

    Exit codes: 1 if any was kept, 3 if there is none of an id.
    """
    from exposure_subscriber.rejected import handling, looking

    def from_cache(numbers: Iterable[int]) -> "Iterator[Outcome]":
        with looking(settings.broker_url) as look:
            yield from handling.retry_cached(_cache(settings), numbers, look.sender, settings.subscriber)

    def from_broker(chosen: list[str] | None) -> "Iterator[Outcome]":
        with looking(settings.broker_url) as look:
            yield from handling.retry_dead(look, chosen, settings.subscriber)

    return _carry_out(settings, ids, everything, from_cache, from_broker)


@rejected.command()
@click.argument("ids", metavar="ID...", nargs=-1)
@_ALL
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@settings_options("broker_url", "cache_url")
def drop(*, settings: "Settings", ids: tuple[str, ...], everything: bool, yes: bool) -> int:
    """Remove them for good.

    On a terminal, --all asks first. Those at the broker are all followers', not only this one's.

    \b
    Examples:
      exposure-bus rejected drop 17
      exposure-bus rejected drop --all --yes

    Exit code 3 if there is none of an id.
    """
    from exposure_subscriber.rejected import handling, looking

    if everything and not ids and not yes and not _agreed(settings):
        click.echo("exposure-bus: nothing was dropped", err=True)
        return 1

    def from_broker(chosen: list[str] | None) -> "Iterator[Outcome]":
        with looking(settings.broker_url) as look:
            yield from handling.drop_dead(look, chosen)

    return _carry_out(
        settings, ids, everything, lambda numbers: handling.drop_cached(_cache(settings), numbers), from_broker
    )


def _cache(settings: "Settings") -> Any:
    from exposure_subscriber.cache import open_cache

    return open_cache(settings.cache_url)


def _entries(settings: "Settings") -> "tuple[list[Entry], list[str]]":
    """Return what both places have, and why one could not be asked."""
    from exposure_bus.errors import BusError
    from exposure_subscriber.rejected import cached

    entries: list[Entry] = []
    problems: list[str] = []
    places: dict[str, Callable[[], list[Entry]]] = {
        "the cache": lambda: cached.entries(_cache(settings)),
        "the broker": lambda: _at_broker(settings),
    }
    for place, ask in places.items():
        try:
            entries += ask()
        except BusError as error:
            problems.append(f"{place} could not be asked: {error}")
    return entries, problems


def _at_broker(settings: "Settings") -> "list[Entry]":
    from exposure_subscriber.rejected import looking

    with looking(settings.broker_url) as look:
        return [letter.entry for _, letter in _counted(look.letters(), look.waiting())]


def _counted(letters: "Iterator[tuple[int, Letter]]", total: int) -> "Iterator[tuple[int, Letter]]":
    """Show how far it is, on a terminal: a full queue takes half a minute."""
    import sys

    if not sys.stderr.isatty():
        return letters
    from rich.console import Console
    from rich.progress import track

    return iter(track(letters, "asking the broker", total, console=Console(stderr=True), transient=True))


def _find(settings: "Settings", letter_id: str) -> "Letter":
    from exposure_bus.errors import NotThere
    from exposure_subscriber.rejected import cached, looking
    from exposure_subscriber.rejected.dead import is_dead_id
    from exposure_subscriber.rejected.outcome import MISSING

    found = None
    number = cached.number_of(letter_id)
    if number is not None:
        found = cached.find(_cache(settings), number)
    elif is_dead_id(letter_id):
        with looking(settings.broker_url) as look:
            found = next((letter for _, letter in look.letters() if letter.entry.id == letter_id), None)
    if found is None:
        raise NotThere(f"{letter_id}: {MISSING}")
    return found


def _carry_out(
    settings: "Settings",
    ids: tuple[str, ...],
    everything: bool,
    from_cache: "Callable[[Iterable[int]], Iterator[Outcome]]",
    from_broker: "Callable[[list[str] | None], Iterator[Outcome]]",
) -> int:
    """Do what was asked in both places, or in those that the ids name; a place that fails does not keep the other."""
    from exposure_bus.errors import UsageError
    from exposure_subscriber.rejected import Outcome, cached
    from exposure_subscriber.rejected.dead import is_dead_id
    from exposure_subscriber.rejected.handling import unfound

    if everything == bool(ids):
        raise UsageError("say which: ID..., as `exposure-bus rejected list` shows them, or --all")
    if everything:
        return _say([lambda: from_cache(cached.numbers(_cache(settings))), lambda: from_broker(None)])
    numbers = [number for each in dict.fromkeys(ids) if (number := cached.number_of(each)) is not None]
    dead = [each for each in dict.fromkeys(ids) if is_dead_id(each)]
    strange = [each for each in ids if cached.number_of(each) is None and not is_dead_id(each)]
    steps: list[Callable[[], Iterable[Outcome]]] = [lambda: map(Outcome.missing, strange)]
    steps += [lambda: from_cache(numbers)] if numbers else []
    steps += [lambda: unfound(dead, from_broker(dead))] if dead else []
    return _say(steps)


def _say(steps: "list[Callable[[], Iterable[Outcome]]]") -> int:
    """Say what becomes of each message as it happens; return the exit code, of which 1 counts most."""
    from exposure_bus.errors import BusError
    from exposure_subscriber.verify.names import shown

    codes = {0}
    problems: dict[str, None] = {}
    for step in steps:
        try:
            for outcome in step():
                codes.add(outcome.exit_code)
                beginning = "exposure-bus: " if outcome.exit_code else ""
                click.echo(f"{beginning}{outcome.id}: {shown(outcome.text)}", err=bool(outcome.exit_code))
        except BusError as error:
            codes.add(error.exit_code)
            problems[str(error)] = None
    for problem in problems:
        click.echo(f"exposure-bus: {problem}", err=True)
    return 1 if 1 in codes else max(codes)


def _agreed(settings: "Settings") -> bool:
    """Ask a person, with the numbers; whoever has no terminal has thought before."""
    import sys
    from collections import Counter

    from exposure_bus.counting import counted

    if not sys.stdin.isatty():
        return True
    entries, problems = _entries(settings)
    for problem in problems:
        click.echo(f"exposure-bus: {problem}", err=True)
    places = Counter(entry.place for entry in entries)
    text = f"{counted(places['cache'], 'message')} in the cache, {places['broker']} at the broker, of all followers"
    return click.confirm(f"Drop {text}?", err=True)


def _moment(entry: "Entry") -> tuple[bool, Any]:
    """Order by time; what has none comes first."""
    return entry.when is not None, entry.when


def _row(entry: "Entry") -> dict[str, Any]:
    """Return a row; its texts may have been made up by anybody, so they are shown with care."""
    from exposure_subscriber.rejected.plain import plain
    from exposure_subscriber.verify.names import shown

    row = {name: getattr(entry, name, None) for name in COLUMNS} | {"from": entry.place}
    row |= {name: plain(getattr(entry.properties, name)) for name in ("type", "app_id", "message_id")}
    return {name: shown(value) if isinstance(value, str) else value for name, value in row.items()}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a person: seconds are enough, and a terminal is only so wide."""
    import shutil
    import sys

    when = row["when"] and row["when"].replace(microsecond=0)
    detail = row["detail"]
    room = max(20, shutil.get_terminal_size().columns - _OTHER_COLUMNS)
    if sys.stdout.isatty() and len(detail) > room:
        detail = detail[: room - 1] + "…"
    return row | {"when": when, "detail": detail}


_OTHER_COLUMNS = 70
"""What the table has beside the detail."""
