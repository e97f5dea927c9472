"""What a replay publishes: the present state of exposures, read page by page, so that memory stays flat."""

from collections.abc import Iterator

from exposure_publisher.ledger import Ledger, Selection
from exposure_publisher.relay.messages import MessageMaker, Outgoing


def messages_of(ledger: Ledger, selection: Selection, page: int) -> Iterator[Outgoing]:
    """Make the messages of a selection as they are asked for.

    Args:
        ledger: The ledger.
        selection: Which exposures; those without a number yet are left to the relay. If it is all of them, the spans
            that the messages account for tile the ledger from 1 to its newest number, so that a follower that has
            received them is complete; otherwise they account for none.
        page: The most exposures of a message.

    Raises:
        DatabaseUnreachable: The exposureDB is gone.
        DatabaseRefused: It says no.
    """
    state = ledger.state()
    maker = MessageMaker(state.epoch)
    if selection.everything:
        yield from _all(ledger, maker, state.newest, page)
    else:
        yield from _selected(ledger, maker, selection, page)


def _all(ledger: Ledger, maker: MessageMaker, newest: int, page: int) -> Iterator[Outgoing]:
    """Go by number. What gets a higher one meanwhile is announced by the relay, and so is not missing."""
    first = 1
    while first <= newest:
        rows = ledger.read(first, newest, page)
        last = rows[-1][0] if len(rows) == page else newest
        yield from maker.packed(rows, (first, last), replayed=True)
        first = last + 1


def _selected(ledger: Ledger, maker: MessageMaker, selection: Selection, page: int) -> Iterator[Outgoing]:
    """Go by expid, by which both tables are sorted."""
    after = selection.before_first
    while rows := ledger.page(selection, after, page):
        after = rows[-1][1]
        rows.sort(key=lambda row: row[0])
        for outgoing in maker.packed(rows, None, replayed=True):
            message = outgoing.message
            if message.exposures or message.retracted:  # nothing is left of rows that cannot be announced
                yield outgoing
