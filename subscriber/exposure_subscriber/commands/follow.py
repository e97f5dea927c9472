"""``exposure-bus follow``: keeps this host's cache."""

from typing import Any

import click

from exposure_bus.command.options import settings_options


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@settings_options("broker_url", "subscriber", "cache_url")
def follow(*, settings: Any, verbose: bool) -> None:
    """Keep this host's cache a copy of the exposureDB.

    It runs until Ctrl-C or SIGTERM. A new one, or one that was away for long, asks for what it misses by itself. A
    second one of the same name stands by until the first ends.

    \b
    Examples:
      exposure-bus follow
      exposure-bus follow --subscriber qlf2 --cache-url sqlite:////data/qlf/cache.sqlite
      exposure-bus follow --broker-url amqps://qlf@mq1,amqps://qlf@mq2
    """
    from exposure_bus.daemon import collect_rarely, start_logging, stop_on_signal
    from exposure_subscriber.cache import open_cache
    from exposure_subscriber.follower import Follower

    start_logging(verbose=verbose)
    collect_rarely()
    follower = Follower(settings.broker_url, settings.subscriber, open_cache(settings.cache_url))
    stop_on_signal(follower.stop)
    follower.run()
