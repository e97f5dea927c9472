"""What is looked at when all is over: messages that came twice, exposures that came twice, and crashes."""

from collections import Counter
from collections.abc import Sequence

import pika
from pika.exceptions import ChannelClosedByBroker
from tests.torture.site import Part

import ICSInterface
from exposure_schemas.routing import LOG_STREAM
from private_servers import RabbitMQ


def duplicates(node: RabbitMQ) -> str:
    """Say how many of the log stream's messages are second copies of another; it may be down after all that."""
    try:
        messages, copies = _count(node)
    except ChannelClosedByBroker as error:
        return f"second copies were not counted ({error.reply_text})"
    return f"{copies} of {messages} messages were second copies"


def _count(node: RabbitMQ) -> tuple[int, int]:
    with pika.BlockingConnection(pika.URLParameters(node.url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1000)
        seen: Counter[str] = Counter()
        arguments = {"x-stream-offset": "first"}
        for method, properties, _ in channel.consume(LOG_STREAM, arguments=arguments, inactivity_timeout=3):
            if method is None:
                break
            seen[properties.message_id] += 1
            channel.basic_ack(method.delivery_tag)
        return seen.total(), seen.total() - len(seen)


def yielded_once(cache_url: str) -> list[str]:
    """Return what is wrong with what `new_exposures` yields under a new name."""
    ics = ICSInterface.ICSInterface(cache_url=cache_url)
    came = Counter(each["expid"] for each in ics.new_exposures("aftermath", timeout=1))
    written = {each["expid"] for each in ics.get_exposure_summary(expid_range=(0, 10**12))}
    twice = [f"exposure {expid} was yielded {count} times" for expid, count in came.items() if count > 1]
    return twice + [f"exposure {expid} was not yielded" for expid in written - came.keys()]


def crashes(parts: Sequence[Part]) -> list[str]:
    """Return the names of the daemons whose log has a traceback, with its last line."""
    found = []
    for part in parts:
        _, traceback, rest = part.log.read_text(errors="replace").partition("Traceback (most recent call last)")
        if traceback:
            last = next((line for line in rest.splitlines()[1:] if line and not line.startswith(" ")), "")
            found.append(f"{part.name}: {last}")
    return found
