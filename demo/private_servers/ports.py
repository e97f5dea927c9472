"""Ports on loopback that nobody else uses."""

import random
import socket
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

_LOWEST: Final = 10_240
_TRIES: Final = 1_000
_given: Final[set[int]] = set()


def free_port() -> int:
    """Return a TCP port on which nobody listens, never the same twice in one process.

    It lies below the range from which the kernel picks the ports of outgoing connections. A port inside that range
    can be taken while its server is down, even by the very client that tries to reach the server again: a connection
    from the port to itself succeeds.

    Raises:
        OSError: No port is free.
    """
    highest = _first_outgoing_port() - 1
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, highest)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise OSError(f"no free port on {HOST} from {_LOWEST} to {highest} in {_TRIES} tries")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        # As servers do: what lingers of closed connections does not keep a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _first_outgoing_port() -> int:
    lowest, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    # A kernel set up to pick from nearly all ports leaves nothing below: then share the range with it.
    return int(lowest) if int(lowest) > _LOWEST + _TRIES else 65_536
