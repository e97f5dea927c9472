"""RabbitMQ's own command on a private node: alarms and users that a test needs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import wait_until

from private_servers import RabbitMQ

_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmqctl"


def rabbitmqctl(node: RabbitMQ, *arguments: str) -> str:
    """Run a command on a private node; return what it says."""
    environment = {**node._environment(), "PATH": os.environ["PATH"]}
    command = [_PROGRAM, "-n", environment["RABBITMQ_NODENAME"], *arguments]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@contextmanager
def memory_alarm(node: RabbitMQ) -> Iterator[None]:
    """Make a node take no messages for the length of a block, as one does that is low on memory."""
    rabbitmqctl(node, "set_vm_memory_high_watermark", "absolute", "1")
    try:
        wait_until(lambda: "resource_limit" in rabbitmqctl(node, "eval", "rabbit_alarm:get_alarms()."), "the alarm")
        yield
    finally:
        rabbitmqctl(node, "set_vm_memory_high_watermark", "0.4")
