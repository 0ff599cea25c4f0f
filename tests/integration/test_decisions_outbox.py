"""The outbox on a real broker: what was said is heard once the broker is there, and deleted only then."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from conftest import Mosquitto

from core.events import EventName, PlatformAlarm, Severity
from core.settings import IngestSettings
from core.store.events import write_event
from core.store.outbox import take_outgoing, write_outgoing
from core.store.pool import connected
from ingestors import outbox
from ingestors.outbox import publishing_outbox

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
TOPIC = "vigie/out/v1/93051/decision/round"
WAIT_S = 20.0


@contextmanager
def listening(mosquitto: Mosquitto, messages: int) -> Iterator[subprocess.Popen[str]]:
    """Listen to what goes out with the broker's own tool, which ends after so many messages."""
    binary = shutil.which("mosquitto_sub")
    if binary is None:
        pytest.skip("Debian's mosquitto-clients are not installed")
    # By line: into a pipe it would keep what it hears until it ends.
    command = [
        "stdbuf",
        "-oL",
        binary,
        "-h",
        "127.0.0.1",
        "-p",
        str(mosquitto.port),
        "-t",
        "vigie/out/#",
        "-q",
        "1",
        "-v",
    ]
    command += ["-C", str(messages), "-W", str(int(WAIT_S)), "-d"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "SUBACK" not in process.stdout.readline():
            assert process.poll() is None, "mosquitto_sub ended before it subscribed"
        yield process
        process.kill()


def heard(process: subprocess.Popen[str]) -> list[tuple[str, int]]:
    said, _ = process.communicate(timeout=WAIT_S + 5)
    lines = [line.split(" ", 1) for line in said.splitlines() if line.startswith("vigie/out/")]
    return [(topic, json.loads(payload)["decision_id"]) for topic, payload in lines]


def settings_of(database_url: str, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> IngestSettings:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    monkeypatch.setenv("VIGIE_BROKER_URL", mosquitto.url)
    return IngestSettings.from_environment()


def say(database_url: str, *numbers: int) -> None:
    with connected(database_url) as connection:
        for number in numbers:
            write_outgoing(connection, TOPIC, {"decision_id": number, "by": "Zoé"}, NOW)


def is_empty(database_url: str) -> bool:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with connected(database_url) as connection:
            if not take_outgoing(connection, 1):
                return True
        time.sleep(0.05)
    return False


def test_what_was_said_is_heard_in_order_and_deleted(
    database_url: str, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(database_url, mosquitto, monkeypatch)
    say(database_url, 1, 2)
    with listening(mosquitto, 3) as listener, publishing_outbox(settings):
        say(database_url, 3)
        assert heard(listener) == [(TOPIC, 1), (TOPIC, 2), (TOPIC, 3)]
        assert is_empty(database_url)


def test_an_event_is_heard_on_its_topic_as_webhooks_are_sent_it(
    database_url: str, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(database_url, mosquitto, monkeypatch)
    alarm = PlatformAlarm(EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, NOW, "sensor:bac-1", "93051", {"n": 3})
    event = alarm.event(NOW)
    with listening(mosquitto, 1) as listener, publishing_outbox(settings):
        with connected(database_url) as connection:
            write_event(connection, event)
        said, _ = listener.communicate(timeout=WAIT_S + 5)
    [line] = [line for line in said.splitlines() if line.startswith("vigie/out/")]
    topic, _, payload = line.partition(" ")
    assert topic == "vigie/out/v1/93051/alarm/sensor_flooded"
    assert json.loads(payload) == json.loads(event.as_json())


def test_without_a_broker_nothing_is_lost_and_it_is_heard_when_it_is_back(
    database_url: str, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(database_url, mosquitto, monkeypatch)
    monkeypatch.setattr(outbox, "CONFIRM_S_MAX", 0.5)
    monkeypatch.setattr(outbox, "RETRY_S", 0.2)
    with publishing_outbox(settings):
        say(database_url, 1)
        assert is_empty(database_url)
        mosquitto.stop()
        say(database_url, 2)
        time.sleep(2)
        with connected(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (1,)
        mosquitto.start()
        assert is_empty(database_url)
