"""The arguments of rsync; none of them ever passes through a shell of this host."""

from dataclasses import dataclass
from typing import Final

from exposure_subscriber.fetch.remote import Remote
from exposure_subscriber.fetch.source import Target

TIMEOUT: Final = 60
"""Seconds without a byte after which rsync, on either side, gives up."""

# Of its greetings, one waits for the other side's delayed acknowledgement else: 40 ms for each file.
_DAEMON: Final = ("--contimeout=10", "--no-motd", "--sockopts=TCP_NODELAY")
_HOME: Final = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class RsyncCommand:
    """How a folder and its files are asked for."""

    remote: Remote
    """The folder."""
    ssh: str | None
    """The command by which its host is reached; None for a daemon."""

    def to_list(self) -> list[str]:
        """Return the command that lists the folder."""
        return [*self._common(), "--list-only", "--", f"{self._folder()}/"]

    def to_copy(self, name: str, target: Target) -> list[str]:
        """Return the command that copies a file into a target, in order from its beginning or from what it holds.

        Args:
            name: The bare name, of which every character is safe.
            target: Where it goes; if it holds something, only what follows is asked for, unseen whether it fits.
        """
        # Without rsync's own checksum of the file it is never sent a second time over what was read here already.
        how = "--append" if target.held else "--checksum-choice=none"
        options = ["--inplace", "--ignore-times", "--times", how]
        return [*self._common(), *options, "--", f"{self._folder()}/{name}", str(target.path)]

    def _common(self) -> list[str]:
        reach = _DAEMON if self.ssh is None else ["--rsh", self.ssh]
        return ["rsync", f"--timeout={TIMEOUT}", *reach]

    def _folder(self) -> str:
        """Return the folder as rsync writes it, without a slash at its end."""
        remote = self.remote
        if self.ssh is None:
            return remote.url
        host = f"{remote.user}@{remote.host}" if remote.user else remote.host
        first, _, rest = remote.path.partition("/")
        path = f"./{rest}" if first == _HOME else f"/{remote.path}"
        return f"{host}:{path.rstrip('/')}"
