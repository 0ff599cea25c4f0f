"""The ingest process, a sensor and a broker with dynamic security meet over TLS, by a throw-away authority."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from closed_broker import closed_broker_running
from ingesting import wait_until
from pydantic import SecretStr

from core.clock import now
from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.settings import IngestSettings
from core.store.places import read_series
from core.store.pool import connected
from core.store.sensors import adopt_sensor
from ingestors.broker import Publisher
from ingestors.decoders.senml import format_pack
from ingestors.process import run_ingest
from ingestors.provisioning import provisioning

pytestmark = pytest.mark.integration


def test_the_ingest_process_and_a_sensor_meet_over_tls(database_url: str, tmp_path: Path) -> None:
    with closed_broker_running(tmp_path) as broker, connected(database_url) as store:
        store.autocommit = True
        adopt_sensor(store, Sensor("bin-1", SensorKind.BIN, "Borne", Site("93051", "mairie", "Mairie")), now())
        with provisioning(store, broker.over_tls(broker.address), now()) as provisioner:
            provisioner.let_ingest_in(broker.ingest)
            given = provisioner.give_sensor("bin-1")
        stop = threading.Event()
        settings = IngestSettings(
            database_url=SecretStr(database_url),
            broker_url=SecretStr(f"mqtts://ingest:taker@127.0.0.1:{broker.tls_port}"),
            broker_ca_file=broker.ca_file,
        )
        ingest = threading.Thread(target=run_ingest, args=(settings, stop))
        ingest.start()
        sensor = broker.over_tls(broker.account(given))
        publisher = Publisher(sensor)
        try:
            assert publisher.open(stop)
            payload = format_pack(now(), [(METRICS["fill_ratio"], 0.5)])

            def stored() -> bool:
                # Until the subscription stands, nobody keeps what is published.
                publisher.publish(given.topics[0], payload)
                return bool(read_series(store))

            wait_until(stored, 20)
            assert publisher.drain(10) == 0
        finally:
            publisher.close()
            stop.set()
            ingest.join(20)
        assert not ingest.is_alive()


# paho 2.2 leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_an_unknown_authority_is_not_taken(tmp_path: Path) -> None:
    given_up = threading.Event()
    with closed_broker_running(tmp_path) as broker:
        threading.Timer(1.0, given_up.set).start()
        assert not Publisher(replace(broker.over_tls(broker.address), ca_file=None)).open(given_up)
        gc.collect()
