"""How the broker is reached, and how pika's errors become ours."""

import socket
import threading

import pytest
from pika import exceptions, frame, spec
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.connection_workflow import AMQPConnectorSocketConnectError

from exposure_bus.broker import open_channel
from exposure_bus.broker.failures import translate
from exposure_bus.broker.parameters import connection_parameters
from exposure_bus.broker.services import LoopServices
from exposure_bus.errors import BrokerRefused, BrokerUnreachable, SettingsError

ADDRESS = "mq1:5672"


def closed(code: int, text: str = "because") -> exceptions.AMQPError:
    return exceptions.ConnectionClosedByBroker(code, text)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ProbableAuthenticationError(repr(closed(403, "ACCESS_REFUSED"))),
        exceptions.AuthenticationError("PLAIN"),
        exceptions.AMQPConnectionError(exceptions.ProbableAccessDeniedError(repr(closed(530, "vhost desi not found")))),
    ],
)
def test_wrong_credentials_are_a_refusal(error: Exception) -> None:
    translated = translate(error, ADDRESS)
    assert isinstance(translated, BrokerRefused)
    assert str(translated).startswith("the broker at mq1:5672 refuses the user, the password or the virtual host: ")


@pytest.mark.parametrize("code", [402, 403, 404, 406, 530])
def test_what_another_try_does_not_change_is_a_refusal(code: int) -> None:
    for error in (closed(code), exceptions.ChannelClosedByBroker(code, "because")):
        translated = translate(error, ADDRESS)
        assert isinstance(translated, BrokerRefused)
        assert str(translated) == "the broker at mq1:5672 refuses: because"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (closed(320, "CONNECTION_FORCED - shutdown"), "CONNECTION_FORCED - shutdown"),
        (closed(541), "because"),
        (exceptions.StreamLostError("peer reset"), "peer reset"),
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (exceptions.AMQPHeartbeatTimeout("none within 20 s"), "none within 20 s"),
        (exceptions.ConnectionClosed(200, ""), "200, "),
        (exceptions.ConnectionWrongStateError(), "ConnectionWrongStateError"),
        (exceptions.ProbableAccessDeniedError(repr(closed(320))), "ConnectionClosedByBroker: (320) 'because'"),
    ],
)
def test_what_may_pass_is_worth_another_try(error: Exception, text: str) -> None:
    translated = translate(error, ADDRESS)
    assert isinstance(translated, BrokerUnreachable)
    assert str(translated) == f"the broker at mq1:5672 does not answer: {text}"


def test_the_cause_is_found_below_the_librarys_layers() -> None:
    cause = ConnectionRefusedError(111, "Connection refused")
    wrapped = exceptions.AMQPConnectionError(AMQPConnectorSocketConnectError(cause))
    assert str(translate(wrapped, ADDRESS)) == str(translate(cause, ADDRESS))


def test_each_address_gets_deadlines_and_the_connections_name() -> None:
    first, second = connection_parameters("amqp://mq1, amqps://user:secret@mq2:5699/desi", "exposure-bus publish")
    assert (first.host, first.port, second.host, second.port) == ("mq1", 5672, "mq2", 5699)
    assert second.virtual_host == "desi"
    assert second.ssl_options is not None
    for each in (first, second):
        assert each.client_properties["connection_name"] == "exposure-bus publish"
        assert each.heartbeat == 20
        assert max(each.socket_timeout, each.stack_timeout) <= 10


def test_an_address_may_be_of_ip_version_6_and_its_options_hold_anything() -> None:
    (parameters,) = connection_parameters("amqp://ics:p@[::1]:5699/?client_properties={'site': '/a@b:c/d'}", "x")
    assert (parameters.host, parameters.port) == ("::1", 5699)


def test_a_heartbeat_in_the_url_is_kept() -> None:
    assert connection_parameters("amqp://mq1/?heartbeat=7", "x")[0].heartbeat == 7


@pytest.mark.parametrize(
    "url",
    [
        "amqp://mq1:99999/",
        "amqp://mq1/?absent=1",
        "amqp://mq1/?heartbeat=x",
        "amqps://mq1/?ssl_options=nonsense",
        "amqp://ics:SECRET/RET@mq1/",
        "amqp://ics:SECRET#RET@mq1/",
        "amqp://ics:SECRET?RET@mq1/",
        "amqp://ics:SEC[RET@mq1/",
    ],
)
def test_an_address_that_cannot_be_read_is_said_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"broker_url .* cannot be read: ") as raised:
        connection_parameters(url, "x")
    assert "SEC" not in str(raised.value)
    assert "RET" not in str(raised.value)


def test_a_password_with_odd_characters_is_to_be_percent_encoded() -> None:
    with pytest.raises(SettingsError, match="percent-encode"):
        connection_parameters("amqp://ics:a/b@mq1/", "x")
    assert connection_parameters("amqp://ics:a%2Fb@mq1/", "x")[0].credentials.password == "a/b"


def test_the_first_address_that_answers_is_taken_and_the_last_failure_is_told() -> None:
    ports = []
    for _ in range(2):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
    urls = ",".join(map(_local, ports))
    with (
        pytest.raises(BrokerUnreachable, match=f"127.0.0.1:{ports[1]} does not answer: .*refused"),
        open_channel(urls, "x"),
    ):
        pass


def test_a_connection_that_is_lost_while_it_logs_in_is_worth_another_try() -> None:
    """pika takes it for wrong credentials."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = threading.Thread(target=_hang_up_at_login, args=(server,))
        hanging_up.start()
        port = server.getsockname()[1]
        with pytest.raises(BrokerUnreachable, match=r"does not answer: .*EOF"), open_channel(_local(port), "x"):
            pass
        hanging_up.join()


def _local(port: int) -> str:
    return f"amqp://127.0.0.1:{port}"


def _hang_up_at_login(server: socket.socket) -> None:
    """Greet one client as a broker does, and hang up when it has said who it is."""
    client, _ = server.accept()
    with client:
        client.recv(8)
        client.sendall(frame.Method(0, spec.Connection.Start(server_properties={})).marshal())
        client.recv(4096)


RESET = "Expected connected socket, but getpeername() failed"


def test_a_reset_in_the_instant_of_connecting_is_an_end_of_the_connection() -> None:
    """pika raises ValueError then, through the loop of whoever runs it."""
    loop = IOLoop()
    told: list[object] = []

    def done(result: object) -> None:
        told.append(result)
        loop.stop()

    LoopServices(loop).create_streaming_connection(lambda: None, socket.socket(), done)
    loop.start()
    loop.close()
    assert isinstance(told[0], ConnectionResetError)
    assert RESET in str(translate(told[0], ADDRESS))


def test_a_reset_in_the_instant_of_connecting_once_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_arguments: object) -> None:
        raise ValueError(RESET)

    monkeypatch.setattr("exposure_bus.broker.blocking.BlockingConnection", reset)
    with (
        pytest.raises(BrokerUnreachable, match=f"mq1:5672 does not answer: {RESET[:20]}"),
        open_channel(f"amqp://{ADDRESS}", "test"),
    ):
        pass
