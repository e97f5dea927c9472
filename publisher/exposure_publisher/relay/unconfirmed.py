"""Which numbers have been sent and are not confirmed yet."""

from exposure_schemas import Span


class Unconfirmed:
    """Spans in flight, in the order they were sent, which is ascending.

    Args:
        confirmed: Everything up to this number is with the broker.
    """

    def __init__(self, confirmed: int) -> None:
        self._sent_up_to = confirmed
        self._spans: dict[Span, None] = {}

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, span: Span) -> bool:
        return span in self._spans

    def sent(self, span: Span) -> None:
        """Note that a span is on its way; a second sending changes nothing."""
        self._spans[span] = None
        self._sent_up_to = max(self._sent_up_to, span[1])

    def passed_over(self, number: int) -> None:
        """Note that nothing up to a number is still to be sent."""
        self._sent_up_to = max(self._sent_up_to, number)

    def confirmed(self, span: Span) -> None:
        """Note that the broker has a span."""
        self._spans.pop(span, None)

    @property
    def watermark(self) -> int:
        """The broker has everything up to this number."""
        first = next(iter(self._spans), None)
        return self._sent_up_to if first is None else first[0] - 1
