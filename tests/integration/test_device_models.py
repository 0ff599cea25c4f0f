"""The device models on a real PostgreSQL: what is decoded is what the pages read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.store.devices import read_device_models, write_device_models
from core.store.pool import Connection, connected
from ingestors.decoders.devices import device_models

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


def test_what_is_written_is_read(connection: Connection) -> None:
    write_device_models(connection, device_models())
    assert list(read_device_models(connection).values()) == sorted(device_models(), key=lambda one: one.model)


def test_a_later_process_replaces_what_an_earlier_one_decoded(connection: Connection) -> None:
    first, second, *_ = device_models()
    write_device_models(connection, [first, second])
    renamed = replace(second, title="another title")
    write_device_models(connection, [renamed])
    assert read_device_models(connection) == {renamed.model: renamed}


def test_processes_that_start_together_all_write(database_url: str) -> None:
    def start(_: int) -> None:
        with connected(database_url) as own:
            write_device_models(own, device_models())
            own.commit()

    with ThreadPoolExecutor(4) as processes:
        list(processes.map(start, range(8)))
    with connected(database_url) as own:
        assert len(read_device_models(own)) == len(device_models())
