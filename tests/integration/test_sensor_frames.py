"""Messages as they came, the gateways that heard them, and their decoding: the real way in, and the API's way out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from api_process import api_running_with, api_settings
from passes import EVERYTHING, enter, shown

from core.clock import now
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Arrival, Message
from core.store.gateways import prune_heard, read_gateway_shares
from core.store.months import make_months_ahead
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.raw_frames import prune_as_came, read_raw_frames
from core.store.sensors import adopt_sensor
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter
from ingestors.validate import Limits

pytestmark = pytest.mark.integration

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
DEVICE = "eui-0004a30b001c0530"
TOPIC = f"v3/ecoles@vigie/devices/{DEVICE}/up"
SITE = Site("93051", "tilleuls", "École des Tilleuls", 2.55, 48.84)
LIMITS = Limits(262_144, 16_384, timedelta(minutes=5))


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        write_communes(connection, communes().values())
        make_months_ahead(connection, now())
        adopt_sensor(connection, Sensor(DEVICE, SensorKind.INDOOR_AIR, "Salle 12", SITE), now() - timedelta(days=9))
        connection.commit()
        connection.autocommit = True
        yield connection


def writer(store: Connection, limits: Limits = LIMITS) -> BatchWriter:
    found = BatchWriter(store, AdoptedSensors(), limits)
    found.adopted.refresh(store)
    return found


def uplink(count: int, at: datetime, *gateways: tuple[str, float, float], **fields: Any) -> Message:
    """Return an uplink of The Things Stack that these gateways heard, each with its level and ratio."""
    told = at.isoformat()
    envelope = {
        "end_device_ids": {"device_id": DEVICE},
        "uplink_message": {
            "session_key_id": "s1",
            "f_port": 1,
            "f_cnt": count,
            "decoded_payload": {"co2": 600 + count} | fields,
            "rx_metadata": [
                {
                    "gateway_ids": {"gateway_id": name},
                    "rssi": rssi,
                    "snr": snr,
                    "location": {"latitude": 48.84123456, "longitude": 2.55},
                }
                for name, rssi, snr in gateways
            ],
            "settings": {"data_rate": {"lora": {"spreading_factor": 9}}},
            "received_at": told,
        },
        "received_at": told,
    }
    payload = json.dumps(envelope).encode()
    return Message(TOPIC, payload, at + timedelta(seconds=2), len(payload))


def capture(name: str, topic: str = TOPIC) -> Message:
    payload = (CAPTURES / name).read_bytes()
    return Message(topic, payload, datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC), len(payload))


def test_the_last_messages_are_kept_in_a_ring_whatever_became_of_them(store: Connection) -> None:
    ingest = writer(store, replace(LIMITS, raw_frames_kept=3))
    began = now() - timedelta(hours=1)
    messages = [uplink(count, began + timedelta(minutes=count)) for count in range(5)]
    broken = Message(TOPIC, b"{", began, 1)
    ingest.write(messages[:2], now())
    ingest.write([*messages[2:], broken, messages[4]], now())
    kept = read_raw_frames(store, 1)
    assert {one.slot for one in kept} == {0, 1, 2}
    assert sorted(one.frame.outcome for one in kept) == ["duplicate", "rejected", "stored"]
    assert {one.frame.message.payload for one in kept} == {b"{", messages[4].payload}
    # Another process goes on where this one was.
    writer(store, replace(LIMITS, raw_frames_kept=3)).write([uplink(9, began + timedelta(minutes=9))], now())
    assert sorted(one.frame.outcome for one in read_raw_frames(store, 1)) == ["duplicate", "rejected", "stored"]
    assert max(one.frame.number for one in read_raw_frames(store, 1)) == 6


def test_none_is_kept_where_none_is_wanted_and_of_a_long_one_its_beginning(store: Connection) -> None:
    at = now()
    writer(store, replace(LIMITS, raw_frames_kept=0)).write([uplink(1, at)], at)
    assert read_raw_frames(store, 1) == []
    writer(store, replace(LIMITS, kept_bytes_max=256)).write([uplink(2, at)], at)
    [kept] = read_raw_frames(store, 1)
    assert len(kept.frame.message.payload) == 256 < kept.frame.message.size_bytes


def test_what_is_no_message_of_the_sensor_pushes_out_none_of_its_own(store: Connection) -> None:
    at = now()
    foreign = uplink(1, at)
    foreign.payload = foreign.payload.replace(DEVICE.encode(), b"another-device")
    flooded = replace(uplink(2, at), flooded=True)
    ingest = writer(store)
    ingest.write([foreign, flooded], at)
    ingest.write([uplink(3, at)], at, Arrival.BACKFILLED)
    assert read_raw_frames(store, 1) == []


def test_gateways_are_summed_by_day_over_new_frames_only(store: Connection) -> None:
    at = now() - timedelta(minutes=30)
    town, gym = ("mairie", -97.0, 7.0), ("gymnase", -110.0, -2.0)
    ingest = writer(store)
    first, second = uplink(1, at, town, gym), uplink(2, at + timedelta(minutes=10), ("mairie", -99.0, 9.0))
    ingest.write([first], now())
    ingest.write([first, second], now())
    ingest.write([first], now(), Arrival.REPLAYED)
    [best, other] = read_gateway_shares(store, 1, (at - timedelta(days=1)).date())
    assert (best.gateway, best.frames, best.rssi_dbm, best.snr_db) == ("mairie", 2, -98.0, 8.0)
    assert (best.spreading_factor, best.latitude) == (9, 48.8412)
    assert (other.gateway, other.frames) == ("gymnase", 1)


def test_two_processes_that_write_the_same_sensors_never_wait_in_a_circle(database_url: str, store: Connection) -> None:
    names = [f"eui-{number:016x}" for number in range(40)]
    for name in names:
        adopt_sensor(store, Sensor(name, SensorKind.INDOOR_AIR, name, SITE), now())
    began = now() - timedelta(hours=2)
    failures: list[Exception] = []

    def write(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - an order, nothing secret
        with connected(database_url) as connection:
            connection.autocommit = True
            ingest = writer(connection, replace(LIMITS, raw_frames_kept=2))
            for count in range(20):
                order = random.sample(names, len(names))
                try:
                    ingest.write([_of(name, count, began, ("mairie", -97.0, 7.0)) for name in order], now())
                except Exception as error:  # noqa: BLE001 - told by the test's own thread
                    failures.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert failures == []
    frames, most = store.execute("SELECT sum(frames), max(frames) FROM gateway_heard").fetchone() or (0, 0)
    assert (frames, most) == (20 * len(names), 20)
    assert store.execute("SELECT count(*) FROM raw_frame").fetchone() == (2 * len(names),)


def _of(device: str, count: int, began: datetime, gateway: tuple[str, float, float]) -> Message:
    message = uplink(count, began + timedelta(minutes=count), gateway)
    payload = message.payload.replace(DEVICE.encode(), device.encode())
    return replace(message, topic=TOPIC.replace(DEVICE, device), payload=payload, size_bytes=len(payload))


def test_old_days_and_slots_that_are_none_are_let_go_of(store: Connection) -> None:
    at = now()
    writer(store).write(
        [uplink(count, at - timedelta(minutes=count), ("mairie", -97.0, 7.0)) for count in range(4)], at
    )
    later = at + timedelta(days=91)
    assert prune_as_came(store, at, 3, 100) == 2
    assert prune_heard(store, at, timedelta(days=90), 100) == 0
    assert prune_heard(store, later, timedelta(days=90), 100) >= 1
    assert len(read_raw_frames(store, 1)) == 2


@pytest.fixture
def client(database_url: str, store: Connection) -> Iterator[httpx.Client]:
    assert store.autocommit
    with api_running_with(api_settings(database_url)) as client:
        client.headers.update(shown(enter(database_url, *EVERYTHING, name="Nadia")))
        yield client


def steps_of(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {step["name"]: step for step in answer.json()["steps"]}


def test_a_message_is_told_step_by_step(store: Connection, client: httpx.Client) -> None:
    at = now() - timedelta(minutes=5)
    writer(store).write([uplink(7, at, ("mairie", -97.0, 7.5), battery_mv=3480, co2_ppb=1)], now())
    [listed] = client.get("/sensors/1/frames").json()["items"]
    assert (listed["outcome"], listed["topic"]) == ("stored", TOPIC)
    whole = client.get(f"/sensors/1/frames/{listed['slot']}", params={"language": "en"})
    assert whole.json()["payload_text"].startswith('{"end_device_ids"')
    steps = steps_of(whole)
    assert list(steps) == ["topic", "envelope", "decoder", "validation", "outcome"]
    assert ["Gateway", "mairie, -97 dBm, 7.5 dB"] in steps["envelope"]["fields"]
    assert ["co2_ppb", "1"] in steps["envelope"]["fields"]
    assert dict(steps["decoder"]["fields"])["Battery"] == "3,480 mV → 3.48 V"
    assert steps["decoder"]["said"] == "4 values found by the_things_stack/2."
    assert steps["outcome"]["said"] == "Stored."
    assert "607 ppm" in dict(steps["outcome"]["fields"]).values()
    assert client.get("/sensors/1/frames/99").status_code == 404


def test_a_refused_message_is_told_up_to_where_it_was_refused(store: Connection, client: httpx.Client) -> None:
    writer(store).write([capture("the_things_stack/malformed.json"), capture("the_things_stack/simulated.json")], now())
    found = client.get("/rejections").json()["items"]
    assert len(found) == 2
    for one in found:
        steps = steps_of(client.get(f"/rejections/{one['rejection_id']}/decoding", params={"language": "en"}))
        assert list(steps) == ["topic", "envelope", "outcome"]
        assert steps["outcome"]["said"].startswith("Refused: ")
    assert client.get("/rejections/999/decoding").status_code == 404


def test_uplink_health_of_a_lorawan_sensor(store: Connection, client: httpx.Client) -> None:
    began = now() - timedelta(hours=6)
    heard = [count for count in range(36) if count not in {10, 11, 12}]
    gateways = (("mairie", -97.0, 7.0), ("gymnase", -110.0, -2.0))
    writer(store).write(
        [uplink(count, began + timedelta(minutes=10 * count), *gateways[: 1 + count % 2]) for count in heard], now()
    )
    told = client.get("/sensors/1/uplink").json()
    assert (told["network"], told["interval_s"], told["spreading_factor"]) == ("lorawan", 600, 9)
    assert (told["received"], told["missing"], told["expected"]) == (33, 3, 36)
    assert 0 < told["delay_median_s"] < told["delay_p95_s"]
    [gap] = told["gaps"]
    assert gap["missing"] == 3
    shares = {one["gateway"]: one["share"] for one in told["gateways"]}
    assert shares["mairie"] == 1.0
    assert 0.4 < shares["gymnase"] < 0.6
    assert told["battery"] is None
