"""How answers to followers make way for what is live."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from exposure_publisher.ledger import LedgerRow
from exposure_publisher.relay import answers
from exposure_publisher.relay.answers import A_WHILE, IN_FLIGHT, LONGEST_REST, PAGE, RESTS, Answers
from exposure_publisher.relay.messages import MessageMaker
from exposure_schemas import AuditRequest, ReplayRequest

EPOCH = "00000000-0000-4000-8000-000000000001"
HISTORY = 100 * PAGE


class Relaying:
    """Answers of a ledger whose exposures are all retracted, and what they have of a relay."""

    def __init__(self) -> None:
        self.now = 0.0
        self.a_page_takes = A_WHILE
        ledger = Mock(read=self._read)
        self.publisher = Mock(room=1000)
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.woken = 0
        self.answers = Answers(
            ledger,
            self.publisher,
            MessageMaker(EPOCH),
            EPOCH,
            later=lambda seconds, call: self.timers.append((seconds, call)),
            wake=self._wake,
        )
        missing = ((1, HISTORY),)
        request = ReplayRequest(subscriber="qlf", epoch=EPOCH, missing=missing, requested_at=datetime.now(UTC))
        self.answers.add(request, 1)

    def _read(self, first: int, last: int, most: int) -> Sequence[LedgerRow]:
        self.now += self.a_page_takes
        return [(number, number, None, None) for number in range(first, last + 1)][:most]

    def _wake(self) -> None:
        self.woken += 1

    @property
    def pages(self) -> int:
        return int(self.publisher.publish.call_count)

    def pump(self, *, beside_live: bool) -> bool:
        return self.answers.pump(HISTORY, beside_live=beside_live)[0]


@pytest.fixture
def relaying(monkeypatch: pytest.MonkeyPatch) -> Relaying:
    made = Relaying()
    monkeypatch.setattr(answers, "monotonic", lambda: made.now)
    return made


def test_pages_follow_each_other_while_nothing_is_live(relaying: Relaying) -> None:
    while relaying.pump(beside_live=False):
        pass
    assert relaying.pages == IN_FLIGHT
    assert not relaying.timers


def test_beside_what_is_live_there_is_a_rest_after_each_page_that_took_a_while(relaying: Relaying) -> None:
    assert not relaying.pump(beside_live=True)
    assert not relaying.pump(beside_live=True), "a confirm or a commit wakes the relay, and not the answer"
    assert relaying.pages == 1
    ((seconds, rest_is_over),) = relaying.timers
    assert seconds == pytest.approx(RESTS * A_WHILE)
    rest_is_over()
    assert relaying.woken == 1
    relaying.pump(beside_live=True)
    assert relaying.pages == 2


def test_what_takes_no_time_goes_out_together_before_a_rest(relaying: Relaying) -> None:
    relaying.a_page_takes = A_WHILE / 3.5
    while relaying.pump(beside_live=True):
        pass
    assert relaying.pages == 4
    assert [seconds for seconds, _ in relaying.timers] == [pytest.approx(RESTS * 4 * relaying.a_page_takes)]


def test_an_audit_that_has_nothing_to_send_yet_does_not_rest(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pages(*_: object) -> Iterator[None]:
        for _page in range(3):
            relaying.now += A_WHILE
            yield None

    monkeypatch.setattr(answers, "audit_pages", pages)
    relaying.answers.pump(0, beside_live=False)  # the replay, of which nothing is there
    relaying.answers.add(AuditRequest(reply_to="qlf.audit-00000001", requested_at=datetime.now(UTC)), 2)
    for _page in range(3):
        assert relaying.pump(beside_live=True)
    assert not relaying.timers


def test_a_page_that_took_long_is_followed_by_no_long_rest(relaying: Relaying) -> None:
    relaying.a_page_takes = 600.0
    relaying.pump(beside_live=True)
    assert [seconds for seconds, _ in relaying.timers] == [LONGEST_REST]


def test_a_rest_ends_even_if_nothing_is_live_any_more(relaying: Relaying) -> None:
    relaying.pump(beside_live=True)
    assert not relaying.pump(beside_live=False)
    relaying.timers[0][1]()
    assert relaying.pump(beside_live=False)
    assert relaying.pages == 2
