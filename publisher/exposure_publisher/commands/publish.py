"""``exposure-bus publish``: the relay."""

from typing import Any

import click

from exposure_bus.command.options import settings_options


@click.command()
@click.option("--once", is_flag=True, help="Publish what is waiting, wait until the broker has it, and end.")
@click.option("--json", "as_json", is_flag=True, help="Write bodies as JSON, for foreign tools without msgpack.")
@click.option(
    "--no-checksums",
    "checksums",
    flag_value=False,
    default=True,
    help="Read no file to compute its checksum: announce those alone that the exposure's checksum file has.",
)
@click.option(
    "--check-headers",
    is_flag=True,
    help="Say in the log where NIGHT or EXPID in a FITS header is at odds with the exposureDB.  [needs astropy]",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@settings_options("exposure_db_url", "broker_url")
def publish(*, settings: Any, once: bool, as_json: bool, checksums: bool, check_headers: bool, verbose: bool) -> None:
    """Relay every change of the exposureDB to the bus, as soon as it is committed.

    It runs until Ctrl-C or SIGTERM. A second one stands by until the first ends. Killed anywhere, it goes on where
    the broker's last confirm was.

    A written exposure is announced with its files: sizes, and checksums out of its checksum file or computed beside.
    If the checksum file lists a file that is not there, the exposure waits for it; all others go on.

    \b
    Examples:
      exposure-bus publish
      exposure-bus publish --exposure-db-url postgresql://ics@db/desi --broker-url amqp://ics@mq1,amqp://ics@mq2
      exposure-bus publish --once
      exposure-bus publish --check-headers
    """
    from exposure_bus.daemon import collect_rarely, start_logging, stop_on_signal
    from exposure_publisher.manifest.headers import require_astropy
    from exposure_publisher.relay import Relay
    from exposure_schemas import JSON, MSGPACK

    start_logging(verbose=verbose)
    collect_rarely()
    if check_headers:
        require_astropy()
    relay = Relay(
        settings.broker_url,
        settings.exposure_db_url,
        content_type=JSON if as_json else MSGPACK,
        once=once,
        checksums=checksums,
        check_headers=check_headers,
    )
    stop_on_signal(relay.stop)
    relay.run()
