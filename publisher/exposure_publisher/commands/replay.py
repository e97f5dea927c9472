"""``exposure-bus replay``: exposures published again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from exposure_bus.command.options import settings_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exposure_bus.settings import Settings
    from exposure_publisher.ledger import Ledger, Matches, Selection
    from exposure_publisher.relay.messages import Outgoing
    from exposure_publisher.replay import Pace, Replay, Tally

_EXPID = click.IntRange(0, 2**63 - 1)


@click.command()
@click.argument("expid", type=_EXPID, required=False)
@click.option("--expid", "expids", type=_EXPID, nargs=2, metavar="LOW HIGH", help="A range of expids.")
@click.option("--night", type=click.IntRange(1900_01_01, 9999_12_31), metavar="YYYYMMDD", help="A night.")
@click.option("--date", "dates", nargs=2, metavar="LOW HIGH", help="Data written between, ISO 8601, UTC.")
@click.option("--all", "everything", is_flag=True, help="All exposures: followers become complete by it.")
@click.option("--to", default="all", metavar="SUBSCRIBER", help="One follower; without it, all of them.")
@click.option("--rate", type=click.IntRange(1, 10_000_000), metavar="N", help="At most N exposures a second.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@settings_options("exposure_db_url", "broker_url")
def replay(*, settings: Settings, to: str, rate: int | None, dry_run: bool, **asked: Any) -> int:
    """Publish the present state of exposures again, for all followers or one.

    Followers ask for what they miss by themselves; this is for a person who wants to be sure, or who has changed
    something that followers cannot know of. It is harmless at any time, beside a running `exposure-bus publish` too:
    a follower keeps the newer of two states.

    \b
    Examples:
      exposure-bus replay 195972
      exposure-bus replay --night 20230913 --to qlf2
      exposure-bus replay --date 2023-09-14T03:00 2023-09-14T04:00 --dry-run
      exposure-bus replay --all --rate 2000

    Exit codes: 3 if no exposure matches; 130 or 143 if Ctrl-C or SIGTERM stopped it.
    """
    from contextlib import closing

    from exposure_publisher.ledger import open_ledger
    from exposure_publisher.replay import Pace, messages_of, selection_of

    selection = selection_of(**asked)
    _check_name(to)
    _check_there(settings.exposure_db_url)
    with closing(open_ledger(settings.exposure_db_url)) as ledger:
        matches = _matches(ledger, selection)
        pace = Pace(rate)
        messages = messages_of(ledger, selection, pace.page)
        if dry_run:
            _say_what_would_be_sent(messages, matches, to)
            code = 0
        else:
            code = _replay(settings.broker_url, messages, matches, to, pace)
    _say_what_is_left(matches)
    return code


def _check_name(to: str) -> None:
    import msgspec

    from exposure_bus.errors import UsageError
    from exposure_schemas.replay_request import SubscriberName
    from exposure_schemas.routing import EVERYBODY

    try:
        if to != EVERYBODY:
            msgspec.convert(to, SubscriberName)
    except msgspec.ValidationError as error:
        raise UsageError(f"--to {to!r} is no follower's name: letters, digits, _ and -, at most 64") from error


def _check_there(url: str) -> None:
    """Refuse a SQLite file that is not there, rather than make an empty exposureDB of a mistyped name."""
    from exposure_bus.database import sqlite_path
    from exposure_bus.errors import DatabaseRefused

    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise DatabaseRefused(f"there is no exposureDB {path}: give the right one by --exposure-db-url")


def _matches(ledger: Ledger, selection: Selection) -> Matches:
    from exposure_bus.errors import NotThere
    from exposure_publisher.replay import described

    matches = ledger.count(selection)
    if matches.numbered or (selection.everything and ledger.state().newest):
        return matches
    text = " ".join(["the exposureDB has no exposure", described(selection)]).strip()
    if matches.unnumbered:
        text = f"{text} that is numbered; {_left(matches)}"
    raise NotThere(text)


def _replay(broker_url: str, messages: Iterator[Outgoing], matches: Matches, to: str, pace: Pace) -> int:
    from time import monotonic

    from exposure_bus.broker.blocking import declare
    from exposure_bus.daemon import start_logging
    from exposure_publisher.replay import Replay
    from exposure_publisher.replay.progress import progress
    from exposure_publisher.replay.replay import declare_replay

    begun = monotonic()
    with progress("replaying", matches.numbered) as show:
        start_logging()  # within the progress, so that log lines go above its bar
        declare(broker_url, "exposure-bus replay", declare_replay)  # a broker that is away now is not waited for
        replaying = Replay(broker_url, messages, to=to, pace=pace, moved=show)
        stopped_by = _stop_on_signal(replaying)
        _run(replaying, to)
    return _say_what_was_sent(replaying, to, monotonic() - begun, stopped_by)


def _stop_on_signal(replaying: Replay) -> list[int]:
    """Stop on Ctrl-C or SIGTERM; return where the signal's number is kept when it has come."""
    import signal

    stopped_by: list[int] = []

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        stopped_by.append(number)
        replaying.stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopped_by


def _run(replaying: Replay, to: str) -> None:
    from exposure_bus.errors import BusError

    try:
        replaying.run()
    except BusError:
        if replaying.tally.messages:
            click.echo(f"{_said(replaying.tally)} to {_whom(to)} before it failed", err=True)
        raise


def _say_what_was_sent(replaying: Replay, to: str, seconds: float, stopped_by: list[int]) -> int:
    if not replaying.finished:
        click.echo(f"stopped: {_said(replaying.tally)} to {_whom(to)}, and not the rest", err=True)
        return 128 + stopped_by[0]
    click.echo(f"{_said(replaying.tally)} to {_whom(to)} in {seconds:.1f} s")
    return 0


def _said(tally: Tally) -> str:
    from exposure_bus.counting import counted

    return f"{_carried(tally)} replayed in {counted(tally.messages, 'message')}"


def _carried(tally: Tally) -> str:
    from exposure_bus.counting import counted

    retracted = f" and {counted(tally.retractions, 'retraction')}" if tally.retractions else ""
    return f"{counted(tally.exposures, 'exposure')}{retracted}"


def _say_what_would_be_sent(messages: Iterator[Outgoing], matches: Matches, to: str) -> None:
    from exposure_bus.counting import counted
    from exposure_publisher.replay import Tally
    from exposure_publisher.replay.progress import progress

    tally = Tally()
    with progress("reading", matches.numbered) as show:
        for outgoing in messages:
            tally.add(outgoing)
            show(tally.carried)
    sums = f"{_carried(tally)} in {counted(tally.messages, 'message')}"
    click.echo(f"would replay {sums} to {_whom(to)}")
    for name, ends in (("expid", tally.expids), ("sequence", tally.sequences)):
        if ends:
            click.echo(f"  {name:<8}  {ends[0]} to {ends[1]}")


def _say_what_is_left(matches: Matches) -> None:
    if matches.unnumbered:
        click.echo(_left(matches))


def _left(matches: Matches) -> str:
    from exposure_bus.counting import counted

    has = "has" if matches.unnumbered == 1 else "have"
    return f"{counted(matches.unnumbered, 'exposure')} {has} no number yet: `exposure-bus publish` announces them"


def _whom(to: str) -> str:
    from exposure_schemas.routing import EVERYBODY

    return "all followers" if to == EVERYBODY else f"follower {to}"
