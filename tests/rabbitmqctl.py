"""A broker that takes no messages, as a test needs it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import wait_until

from private_servers import RabbitMQ


@contextmanager
def memory_alarm(node: RabbitMQ) -> Iterator[None]:
    """Make a node take no messages for the length of a block, as one does that is low on memory."""
    node.ctl("set_vm_memory_high_watermark", "absolute", "1")
    try:
        wait_until(lambda: "resource_limit" in node.ctl("eval", "rabbit_alarm:get_alarms()."), "the alarm")
        yield
    finally:
        node.ctl("set_vm_memory_high_watermark", "0.4")
