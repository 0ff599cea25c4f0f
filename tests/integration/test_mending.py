"""A message is refused, its cause is mended, a replay turns it into readings: each the whole way, decoders and all."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from replaying import ROOM, T0, autocommitting, message, replay, settings_of

from core.clock import Window
from core.intakes import Counts
from core.metrics import METRICS
from core.readings import Message, Reason
from core.sensor_life import Signature
from core.store.devices import write_device_models
from core.store.pool import Connection
from core.store.readings import read_readings
from core.store.rejections import read_rejections
from core.store.sensor_life import edit_sensor, hold_sensor
from core.store.sensors import adopt_sensor
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter, Outcome
from ingestors.decoders import DECODERS, senml
from ingestors.decoders.devices import device_models
from ingestors.decoders.fields import FIELDS
from ingestors.topics import Network
from ingestors.validate import Limits

pytestmark = pytest.mark.integration
CAPTURES = Path(__file__).resolve().parent.parent / "captures"
DEVICE = "eui-0004a30b001c0530"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with autocommitting(database_url) as connection:
        adopt_sensor(connection, ROOM, T0)
        adopt_sensor(connection, replace(ROOM, external_id=DEVICE, name="Room 2"), T0)
        yield connection


def arrive(connection: Connection, one: Message, at: datetime = T0) -> Outcome:
    """Write a live message as the ingest process does, and return what became of it."""
    adopted = AdoptedSensors()
    adopted.refresh(connection)
    [outcome] = BatchWriter(connection, adopted, Limits.of(settings_of(connection.info.dsn))).write([one], at).outcomes
    return outcome


def uplink(**changes: Any) -> Message:
    """Return the recorded uplink of a room, its ``uplink_message`` changed, received when its network server says."""
    envelope = json.loads((CAPTURES / "the_things_stack" / "normal.json").read_text())
    envelope["uplink_message"] |= changes
    payload = json.dumps(envelope).encode()
    return Message(f"v3/ecoles/devices/{DEVICE}/up", payload, T0 + timedelta(hours=1), len(payload))


def reasons(connection: Connection) -> list[Reason]:
    return [kept.rejection.reason for kept in read_rejections(connection, settled=False)]


def values(connection: Connection) -> dict[str, list[float]]:
    window = Window(T0 - timedelta(days=1), T0 + timedelta(days=1))
    rows = connection.execute("SELECT metric, series_id FROM series ORDER BY metric").fetchall()
    return {metric: [one.value for one in read_readings(connection, series_id, window)] for metric, series_id in rows}


def test_a_unit_that_is_learnt(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = json.dumps([{"bt": T0.timestamp(), "n": "co2", "u": "ppmv", "v": 612}]).encode()
    one = replace(message(0), payload=payload, size_bytes=len(payload))
    assert arrive(connection, one) is Outcome.REJECTED
    assert reasons(connection) == [Reason.UNKNOWN_UNIT]
    assert replay(connection).counts == Counts(messages=1, rejected=1)
    learnt = {("co2", "ppmv"): (METRICS["co2_ppm"], 1.0, 0.0)}
    monkeypatch.setattr(senml, "_TAKEN", senml._TAKEN | learnt)  # noqa: SLF001 - as a row in ingestors/units.py does
    assert replay(connection).counts == Counts(messages=1, stored=1)
    assert (reasons(connection), values(connection)) == ([], {"co2_ppm": [612.0]})


def test_a_field_of_a_codec_that_is_learnt(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arrive(connection, uplink(decoded_payload={"gaz_carbonique": 641}, frm_payload="")) is Outcome.REJECTED
    assert reasons(connection) == [Reason.NO_READING]
    monkeypatch.setitem(FIELDS, "gaz_carbonique", FIELDS["co2"])
    assert replay(connection).counts == Counts(messages=1, stored=1)
    assert values(connection)["co2_ppm"] == [641.0]


def test_a_device_model_that_is_given(connection: Connection) -> None:
    # tests/captures/devices/milesight-em500-co2.json: 1127 ppm, 28.1 °C.
    sent = base64.b64encode(bytes.fromhex("01756403671901046873057d670406736827")).decode()
    frame = uplink(decoded_payload={}, f_port=85, frm_payload=sent)
    assert arrive(connection, frame) is Outcome.REJECTED
    assert reasons(connection) == [Reason.NO_READING]
    write_device_models(connection, device_models())
    held = hold_sensor(connection, 2)
    edit_sensor(connection, held, replace(held, model="milesight-em500-co2"), Signature("Nadia", T0))
    assert replay(connection).counts == Counts(messages=1, stored=1)
    assert values(connection)["co2_ppm"] == [1127.0]
    # The frame was in the ledger since it was refused: it is there once.
    assert connection.execute("SELECT count(*) FROM frame").fetchone() == (1,)


def test_a_decoder_that_is_mended(connection: Connection) -> None:
    def broken(_payload: bytes, _received_at: datetime) -> Any:
        raise IndexError

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(DECODERS, Network.NATIVE, broken)
        assert arrive(connection, message(0)) is Outcome.REJECTED
    [kept] = read_rejections(connection)
    assert (kept.rejection.reason, kept.rejection.decoder) == (Reason.DECODER_FAILED, f"senml/{senml.VERSION}")
    assert replay(connection).counts == Counts(messages=1, stored=1)
    assert values(connection) == {"co2_ppm": [600.0]}


def test_what_the_flood_gate_held_back(connection: Connection) -> None:
    timeless = b'[{"n":"co2","u":"ppm","v":612}]'
    looping = [
        Message(message(0).topic, timeless, T0 + timedelta(seconds=second), len(timeless), flooded=True)
        for second in range(3)
    ]
    assert [arrive(connection, one) for one in looping] == [Outcome.QUARANTINED] * 3
    assert reasons(connection) == [Reason.FLOODED] * 3
    # Nobody had looked whether they say their time: they do not, and each is an observation of its own.
    assert replay(connection).counts == Counts(messages=3, stored=3)
    assert values(connection) == {"co2_ppm": [612.0] * 3}
