"""What attaching does to one database, as SQL."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Attaching to one table by one mapping."""

    relation: str
    """Their table, quoted."""
    selection: str
    """The SELECT that shows their rows as exposures."""
    columns: tuple[str, ...]
    """Their columns a change of which is a change of an exposure."""
    prepare: tuple[str, ...]
    """Makes room for the ledger, where there is nothing yet."""
    show: tuple[str, ...]
    """Makes the view and what the triggers run, or makes them anew."""
    watch: tuple[str, ...]
    """Makes the triggers on their table, where there are none."""
    rewatch: tuple[str, ...]
    """Makes them anew."""
    triggers_stay: bool
    """Whether the triggers stay as they are when the mapping changes."""

    @property
    def capture(self) -> str:
        """All that captures changes, as one text: what differs is to be made anew."""
        return ";\n".join((self.selection, *self.show, *self.watch))
