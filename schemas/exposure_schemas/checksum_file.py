"""The checksum file that lies beside an exposure's files, in the format of coreutils' ``sha256sum``."""

import re
from typing import Final

_LINE: Final = re.compile(r"(?P<escaped>\\?)(?P<sha256>[0-9A-Fa-f]{64}) [ *](?P<name>.+)")
_ESCAPES: Final = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


def checksum_names(expid: int, night: int) -> tuple[str, str]:
    """Return the names a checksum file of an exposure may have: today's, and that of before 2020-03-10."""
    return f"checksum-{expid:08d}.sha256sum", f"checksum-{night}-{expid:08d}.sha256sum"


def read_checksums(text: str) -> dict[str, str]:
    """Return file name to SHA-256 (lower-case hexadecimal).

    Args:
        text: Content of the file; lines that are no checksum line are passed over, as ``sha256sum -c`` does.
    """
    checksums = {}
    for line in re.split(r"\r?\n", text):
        match = _LINE.fullmatch(line)
        if match:
            name = match["name"]
            if match["escaped"]:
                name = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], name)
            checksums[name.removeprefix("./")] = match["sha256"].lower()
    return checksums
