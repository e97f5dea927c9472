"""What several tests open: an exposureDB, its ledger, a cache, each on either database."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from exposure_publisher import ExposureDB
from exposure_publisher.ledger import Ledger, open_ledger
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.cache.writing import CacheWriter


@pytest.fixture
def db(exposure_db_url: str) -> Iterator[ExposureDB]:
    with ExposureDB(exposure_db_url) as database:
        yield database


@pytest.fixture
def ledger(exposure_db_url: str) -> Iterator[Ledger]:
    with closing(open_ledger(exposure_db_url)) as opened:
        yield opened


@pytest.fixture
def cache(cache_url: str) -> Iterator[CacheDatabase]:
    with closing(open_cache(cache_url)) as opened:
        yield opened


@pytest.fixture
def writer(cache: CacheDatabase) -> CacheWriter:
    return CacheWriter(cache)
