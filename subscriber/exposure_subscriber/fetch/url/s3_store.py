"""A folder in an S3 bucket, read with botocore.

Who asks, and whom: as for any other tool of AWS, from its environment and configuration (``AWS_PROFILE``,
``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, …). Names are keys as they are; nothing in them is decoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.loaders import Loader, create_loader
from botocore.session import get_session
from urllib3.exceptions import HTTPError

from exposure_subscriber.errors import LocationRefused, SourceUnreachable
from exposure_subscriber.fetch.remote import Remote
from exposure_subscriber.fetch.source import FileState
from exposure_subscriber.fetch.url.store import SILENCE, Found, beginning, one_line, refusal

_ATTEMPTS: Final = 2
"""How often something is asked: once more than at first, where the endpoint is busy or does not answer."""

_SECOND: Final = 10**9
_REDIRECTS: Final = range(300, 400)
_OTHER_REGION: Final = "x-amz-bucket-region"
"""With it, AWS says in which of its own regions a bucket is, and botocore asks there."""


class S3Stream:
    """An object as it comes in.

    Args:
        where: Its URL, for messages.
        answer: What the endpoint answered.
        asked: The offset that was asked for.
    """

    def __init__(self, where: str, answer: dict[str, Any], asked: int) -> None:
        self._where = where
        self._body = answer["Body"]
        self.begins = beginning(where, answer.get("ContentRange"), asked)

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what comes next, and return how many bytes came; 0 at the end."""
        with _speaking(self._where):
            return int(self._body.readinto(buffer))

    def close(self) -> None:
        """Let go of it; what was read to its end leaves a connection that serves again."""
        self._body.close()


class S3Store:
    """A folder in a bucket.

    Args:
        remote: Where it is.

    Raises:
        LocationRefused: It names a port, which a bucket does not have.
        SourceUnreachable: The configuration of AWS cannot be read.
    """

    def __init__(self, remote: Remote) -> None:
        if remote.port is not None:
            raise LocationRefused(f"location {remote.url!r} names a port: give AWS_ENDPOINT_URL, and here the bucket")
        self._where = remote.url
        self._bucket = remote.host
        self._prefix = f"{remote.path}/" if remote.path else ""
        with _speaking(self._where):
            session = get_session()
            session.register_component("data_loader", _descriptions())
            self._client = session.create_client("s3", config=_config())
        self._client.meta.events.register_first("needs-retry.s3", _refuse_to_be_sent_on)

    def names(self) -> list[str]:
        """Return what lies directly under the prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        with _speaking(self._where):
            keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        if not keys:
            raise SourceUnreachable(f"{self._where} is not there: the bucket has nothing under this prefix")
        return [key[len(self._prefix) :] for key in keys]

    def look(self, name: str) -> Found:
        """Ask what an object is like now."""
        with _speaking(f"{self._where}/{name}"):
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        if "ContentLength" not in answer:
            raise SourceUnreachable(f"cannot read {self._where}/{name}: the endpoint does not tell how long it is")
        modified: datetime | None = answer.get("LastModified")
        time = None if modified is None else int(modified.timestamp()) * _SECOND
        return Found(state=FileState(answer["ContentLength"], time), tag=answer.get("ETag"))

    def stream(self, name: str, offset: int) -> S3Stream:
        """Begin to read an object from an offset in bytes, or from its beginning if the endpoint knows no offsets."""
        where = f"{self._where}/{name}"
        part = {"Range": f"bytes={offset}-"} if offset else {}
        with _speaking(where):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name, **part)
        try:
            return S3Stream(where, answer, offset)
        except SourceUnreachable:
            answer["Body"].close()
            raise

    def close(self) -> None:
        """End all connections."""
        self._client.close()


@cache
def _descriptions() -> Loader:
    """Keep botocore's descriptions of the service: reading them takes four times as long as all else of a client."""
    return create_loader()


def _config() -> Config:
    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    return Config(connect_timeout=SILENCE, read_timeout=SILENCE, retries=retries)


def _refuse_to_be_sent_on(response: tuple[Any, dict[str, Any]] | None, **_: object) -> None:
    """End what botocore would not: sent on to no region, it asks again and again where the bucket is.

    Args:
        response: The answer as it came, and as botocore understands it; None if there is none.

    Raises:
        LocationRefused: The endpoint sends us elsewhere.
    """
    if response is None:
        return
    answer = response[0]
    if answer.status_code in _REDIRECTS and _OTHER_REGION not in answer.headers:
        raise LocationRefused(
            f"the S3 endpoint sends {answer.url} on to {answer.headers.get('Location', 'nowhere')[:200]!r}, which is "
            "not followed: check AWS_ENDPOINT_URL"
        )


@contextmanager
def _speaking(where: str) -> Iterator[None]:
    """Translate what botocore, and what lies below it, say into our words."""
    try:
        yield
    except ClientError as error:
        raise refusal(where, error.response["ResponseMetadata"]["HTTPStatusCode"]) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise SourceUnreachable(f"cannot read {where}: the endpoint has been silent for {SILENCE:g} s") from error
    except (BotoCoreError, HTTPError, OSError, ValueError) as error:  # ValueError: a header that cannot be parsed
        raise SourceUnreachable(f"cannot read {where}: {one_line(error)}") from error
