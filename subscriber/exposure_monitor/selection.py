"""What a tap is to see, and what has to be bound for it."""

from dataclasses import dataclass

from exposure_bus.broker.topology import Declarer
from exposure_monitor.pattern import Pattern
from exposure_monitor.tapped import Tapped
from exposure_schemas.routing import ALARM_EXCHANGE, EXCHANGE, HEARTBEAT_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which messages are wanted."""

    pattern: Pattern
    """Of what goes through the exchange `exposures`."""
    live: bool
    """Whether exposures are taken as they come, and not out of the log."""
    heartbeats: bool
    """Whether heartbeats are shown; they are in no log."""
    alarms: bool
    """Whether alarms are shown; likewise."""

    @property
    def bindings(self) -> list[tuple[str, str]]:
        """The exchange and the routing pattern of each binding that the tap's own queue needs."""
        wanted = {
            (EXCHANGE, self.pattern.text): self.live,
            (EXCHANGE, HEARTBEAT_KEY): self.heartbeats,
            (ALARM_EXCHANGE, "#"): self.alarms,
        }
        return [binding for binding, is_wanted in wanted.items() if is_wanted]

    def declare_exchanges(self, declarer: Declarer) -> None:
        """Declare the exchanges that are bound to, and nothing else: the rest belongs to others."""
        for exchange in sorted({exchange for exchange, _ in self.bindings}):
            declarer.exchange(exchange, "topic")

    def wants(self, tapped: Tapped) -> bool:
        """Tell whether a message is shown: ``#`` brings heartbeats too, and the log is filtered here."""
        if tapped.exchange == ALARM_EXCHANGE:
            return self.alarms
        if tapped.routing_key == HEARTBEAT_KEY:
            return self.heartbeats
        return self.pattern.matches(tapped.routing_key)
