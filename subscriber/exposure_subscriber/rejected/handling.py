"""Sending messages to the follower again, and dropping them.

A message leaves the place where it lies only after the broker has confirmed that the follower's queue has it: killed
in between, it is sent twice, which does no harm.
"""

from collections.abc import Collection, Iterable, Iterator

from exposure_bus.errors import BrokerError
from exposure_schemas import follower_queue
from exposure_schemas.routing import REPLAY_EXCHANGE
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.rejected import cached
from exposure_subscriber.rejected.dead import without_marks
from exposure_subscriber.rejected.entry import Letter
from exposure_subscriber.rejected.looking import Look
from exposure_subscriber.rejected.outcome import Outcome
from exposure_subscriber.rejected.sending import Sender
from exposure_subscriber.rejected.verdict import why_not


def retry_cached(database: CacheDatabase, numbers: Iterable[int], sender: Sender, subscriber: str) -> Iterator[Outcome]:
    """Send messages out of the cache again; one that could still not be read stays.

    Args:
        database: The cache.
        numbers: Which.
        sender: Publishes them.
        subscriber: The follower that has this cache.
    """
    for number in numbers:
        letter = cached.find(database, number)
        if letter is None:
            yield Outcome.missing(str(number))
            continue
        outcome = _send(letter, sender, subscriber)
        if not outcome.exit_code:
            cached.remove(database, number)
        yield outcome


def retry_dead(look: Look, ids: Collection[str] | None, subscriber: str) -> Iterator[Outcome]:
    """Send messages that lie at the broker to the followers for whom they were.

    Args:
        look: At the broker.
        ids: Which; None for all.
        subscriber: The follower that gets those of which nobody knows for whom they were.
    """
    for tag, letter in _asked(look, ids):
        outcome = _send(letter, look.sender, letter.entry.subscriber or subscriber)
        if not outcome.exit_code:
            look.remove(tag)
        yield outcome


def drop_cached(database: CacheDatabase, numbers: Iterable[int]) -> Iterator[Outcome]:
    """Remove messages from the cache."""
    for number in numbers:
        removed = cached.remove(database, number)
        yield Outcome(str(number), "dropped") if removed else Outcome.missing(str(number))


def drop_dead(look: Look, ids: Collection[str] | None) -> Iterator[Outcome]:
    """Remove messages from the broker; None for all."""
    for tag, letter in _asked(look, ids):
        look.remove(tag)
        yield Outcome(letter.entry.id, "dropped")


def unfound(ids: Collection[str], outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Pass outcomes on, and tell at the end of which ids there was none."""
    left = dict.fromkeys(ids)
    for outcome in outcomes:
        left.pop(outcome.id, None)
        yield outcome
    yield from map(Outcome.missing, left)


def _asked(look: Look, ids: Collection[str] | None) -> Iterator[tuple[int, Letter]]:
    return ((tag, letter) for tag, letter in look.letters() if ids is None or letter.entry.id in ids)


def _send(letter: Letter, sender: Sender, subscriber: str) -> Outcome:
    entry = letter.entry
    problem = why_not(letter)
    if problem is not None:
        return Outcome.failed(entry.id, f"kept, since it would be set aside again: {problem}")
    try:
        sender.send(REPLAY_EXCHANGE, subscriber, without_marks(entry.properties), letter.body)
    except BrokerError as error:
        return Outcome.failed(entry.id, f"kept: {error}")
    return Outcome(entry.id, f"sent to {follower_queue(subscriber)}")
