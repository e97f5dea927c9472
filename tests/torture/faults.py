"""What can go wrong, each with its beginning and its end."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pika
from tests.torture.mounts import fill
from tests.torture.site import Part, Site

from exposure_bus.broker.failures import FOREIGN
from exposure_schemas import follower_queue
from exposure_schemas.routing import EVERY_EXPOSURE, EXCHANGE, HEARTBEAT_KEY, REQUEST_QUEUE
from private_servers import RabbitMQ, ServerError

Step = Callable[[], object]
BROKER: Final = "broker"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong."""

    kind: str
    """What."""
    target: str
    """To whom; nobody suffers two at a time."""
    begin: Step
    """Does it."""
    end: Step
    """Ends it."""
    least: float
    """Seconds that it lasts at least."""
    most: float
    """And at most."""


class NotDone(Exception):
    """It could not be done now, since another fault stands in its way."""


def faults_of(site: Site) -> list[Fault]:
    """Return everything that can go wrong there."""
    found = [fault for part in site.parts for fault in _of_part(part)]
    found += [fault for node in site.nodes for fault in _of_node(node)]
    found += [
        Fault(
            "lost confirms",
            "publisher",
            partial(_swallow_answers, site.publisher),
            partial(_hear, site.publisher),
            1,
            3,
        ),
        Fault("full disk of the broker", BROKER, partial(fill, site.broker_disk), partial(_free_broker, site), 2, 5),
        Fault("full disk of the cache", "alpha", partial(fill, site.cache_disk), partial(_free, site.cache_disk), 2, 6),
        Fault("cache deleted", "alpha", partial(_delete_cache, site.cache_disk), _nothing, 0, 0),
        Fault("request queue deleted", BROKER, partial(_at_broker, site, _delete_requests), _nothing, 0, 0),
    ]
    for name in site.followers:
        found.append(
            Fault("queue deleted", name, partial(_at_broker, site, partial(_delete_queue, name)), _nothing, 0, 0)
        )
        found.append(Fault("bindings deleted", name, partial(_at_broker, site, partial(_unbind, name)), _nothing, 0, 0))
    if site.cluster is not None:
        found += [
            Fault("kill -9 of the leader", BROKER, *_kill_leader(site, name), 0, 3) for name in site.followers
        ] * 2
    if site.postgresql is not None:
        found += [Fault("kill -9 of PostgreSQL", "postgresql", site.postgresql.kill, site.postgresql.start, 0, 3)] * 2
        found += [Fault("restart of PostgreSQL", "postgresql", site.postgresql.restart, _nothing, 0, 0)]
    return found


def _of_part(part: Part) -> list[Fault]:
    return [
        Fault(f"kill -9 of {part.name}", part.name, part.kill, part.start, 0, 2),
        Fault(f"SIGSTOP of {part.name}", part.name, part.freeze, part.thaw, 0.5, 12),
        Fault("connections cut", part.name, partial(_cut, part), _nothing, 0, 0),
        Fault("connections half-open", part.name, partial(_swallow, part), partial(_hear, part), 1, 8),
        Fault("clock fast", part.name, partial(part.set_clock, 3600), partial(part.set_clock, 0), 2, 10),
        Fault("clock slow", part.name, partial(part.set_clock, -3600), partial(part.set_clock, 0), 2, 10),
    ]


def _of_node(node: RabbitMQ) -> list[Fault]:
    watermark = partial(node.ctl, "set_vm_memory_high_watermark")
    limit = partial(node.ctl, "set_disk_free_limit")
    return [
        Fault("kill -9 of a broker node", BROKER, node.kill, node.start, 0, 2),
        Fault("SIGSTOP of a broker node", BROKER, node.freeze, node.thaw, 0.5, 8),
        Fault("memory alarm", BROKER, partial(watermark, "absolute", "1"), partial(watermark, "0.4"), 2, 6),
        Fault("disk alarm", BROKER, partial(limit, "1000GB"), partial(limit, "50MB"), 2, 6),
    ]


def _nothing() -> None:
    """End what ends by itself."""


def _cut(part: Part) -> None:
    for proxy in part.proxies:
        proxy.cut()


def _swallow(part: Part) -> None:
    for proxy in part.proxies:
        proxy.swallows_questions = proxy.swallows_answers = True


def _swallow_answers(part: Part) -> None:
    for proxy in part.proxies:
        proxy.swallows_answers = True


def _hear(part: Part) -> None:
    """Let new connections through; those that lack bytes are cut."""
    for proxy in part.proxies:
        proxy.swallows_questions = proxy.swallows_answers = False
        proxy.cut()


def _free(disk: Path) -> None:
    (disk / "filler").unlink()


def _free_broker(site: Site) -> None:
    """A node whose disk was full needs a restart."""
    _free(site.broker_disk)
    site.nodes[-1].kill()
    site.nodes[-1].start()


def _delete_cache(disk: Path) -> None:
    for file in disk.glob("cache.sqlite*"):
        file.unlink(missing_ok=True)


def _kill_leader(site: Site, name: str) -> tuple[Step, Step]:
    killed: list[RabbitMQ] = []

    def begin() -> None:
        assert site.cluster is not None
        try:
            leader = site.cluster.leader_of(follower_queue(name))
        except ServerError as error:
            raise NotDone(str(error)) from error
        if leader is None:
            raise NotDone("nobody leads now")
        leader.kill()
        killed.append(leader)

    def end() -> None:
        while killed:
            killed.pop().start()

    return begin, end


Deed = Callable[[pika.adapters.blocking_connection.BlockingChannel], object]


def _at_broker(site: Site, deed: Deed) -> None:
    parameters = pika.URLParameters(site.nodes[0].url)
    parameters.stack_timeout = parameters.socket_timeout = parameters.blocked_connection_timeout = 5
    try:
        connection = pika.BlockingConnection(parameters)
        deed(connection.channel())
        connection.close()
    except FOREIGN as error:
        raise NotDone(repr(error)) from error


def _delete_requests(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
    channel.queue_delete(REQUEST_QUEUE)


def _delete_queue(name: str, channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
    channel.queue_delete(follower_queue(name))


def _unbind(name: str, channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
    for key in (EVERY_EXPOSURE, HEARTBEAT_KEY):
        channel.queue_unbind(follower_queue(name), EXCHANGE, key)
