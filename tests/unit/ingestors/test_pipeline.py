from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.readings import Arrival, Flag, Message, Reason
from ingestors.adopted import Known
from ingestors.decoders import DECODERS, VERSIONS
from ingestors.decoders.frame import Decoded
from ingestors.decoders.senml import format_pack
from ingestors.pipeline import Examined, cut, examine
from ingestors.series import METRIC_NAMES
from ingestors.sift import Sifted, sift
from ingestors.topics import Network
from ingestors.validate import Limits

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LIMITS = Limits(payload_bytes_max=2_000, kept_bytes_max=300, future_max=timedelta(seconds=300))
SENSOR = Sensor("room-1", SensorKind.INDOOR_AIR, "Room", Site("93066", "s", "S"), sensor_id=1)
TOPIC = "vigie/v1/93066/indoor_air/room-1/up"


@dataclass
class Adopted:
    """One adopted sensor."""

    known: Known = field(default_factory=lambda: Known(SENSOR, {"93066": None}))

    def named(self, external_id: str) -> Known | None:
        """Look it up."""
        return self.known if external_id == self.known.sensor.external_id else None


def examined(payload: bytes, topic: str = TOPIC) -> Examined:
    return examine(Message(topic, payload, AT, len(payload)), Adopted(), LIMITS)


def sifted(payload: bytes, arrival: Arrival = Arrival.LIVE) -> tuple[Sifted, list[Reason]]:
    """Return the readings taken of one message, and the reasons of those refused."""
    one = examined(payload)
    taken = sift([one], LIMITS, arrival)
    return taken, reasons(one)


def co2(value: float, at: datetime = AT) -> bytes:
    return format_pack(at, [(METRICS["co2_ppm"], value)])


def reasons(one: Examined) -> list[Reason]:
    return [rejection.reason for rejection in one.rejections()]


@pytest.mark.parametrize(
    ("taken", "refused", "reason"),
    [
        (co2(300), co2(299.9), Reason.OUT_OF_BOUNDS),
        (co2(40_000), co2(40_000.1), Reason.OUT_OF_BOUNDS),
        (co2(500, AT + timedelta(seconds=300)), co2(500, AT + timedelta(seconds=301)), Reason.IN_FUTURE),
        (co2(500, AT - timedelta(days=400)), co2(500, AT - timedelta(days=400, seconds=1)), Reason.TOO_OLD),
    ],
)
def test_the_neighbours_of_a_bound(taken: bytes, refused: bytes, reason: Reason) -> None:
    assert [len(sifted(taken)[0].message), sifted(taken)[1]] == [1, []]
    assert [len(sifted(refused)[0].message), sifted(refused)[1]] == [0, [reason]]


@pytest.mark.parametrize("arrival", [Arrival.BACKFILLED, Arrival.IMPORTED, Arrival.REPLAYED])
def test_what_is_not_live_may_be_as_old_as_the_platform_takes(arrival: Arrival) -> None:
    oldest = datetime(2000, 1, 1, tzinfo=UTC)
    assert sifted(co2(500, oldest), arrival)[1] == []
    assert sifted(co2(500, oldest - timedelta(seconds=1)), arrival)[1] == [Reason.TOO_OLD]


@pytest.mark.parametrize(
    ("offset", "arrival", "flags"),
    [
        (timedelta(seconds=60), Arrival.LIVE, Flag(0)),
        (timedelta(seconds=61), Arrival.LIVE, Flag.CLOCK),
        (timedelta(seconds=61), Arrival.REPLAYED, Flag.CLOCK),
        (-timedelta(hours=6), Arrival.LIVE, Flag(0)),
        (-timedelta(hours=6, seconds=1), Arrival.LIVE, Flag.STALE),
        (-timedelta(hours=6, seconds=1), Arrival.BACKFILLED, Flag(0)),
    ],
)
def test_a_wrong_clock_and_a_late_arrival_are_flagged(offset: timedelta, arrival: Arrival, flags: Flag) -> None:
    assert sifted(co2(500, AT + offset), arrival)[0].flags.tolist() == [flags]


def test_a_bad_reading_is_refused_alone() -> None:
    one = examined(format_pack(AT, [(METRICS["co2_ppm"], 99_999.0), (METRICS["temperature_c"], 20.0)]))
    taken = sift([one], LIMITS, Arrival.LIVE)
    assert (taken.value.tolist(), METRIC_NAMES[taken.metric[0]]) == ([20.0], "temperature_c")
    [rejection] = one.rejections()
    assert (rejection.reason, rejection.commune_insee, rejection.external_id) == (
        Reason.OUT_OF_BOUNDS,
        "93066",
        "room-1",
    )
    assert rejection.decoder == VERSIONS[Network.NATIVE]


def test_many_bad_readings_of_one_message_make_one_row() -> None:
    records = [{"n": "co2", "u": "ppm", "v": 1, "t": 1_772_442_000 + number} for number in range(20)]
    one = examined(json.dumps(records).encode())
    sift([one], LIMITS, Arrival.LIVE)
    assert reasons(one) == [Reason.OUT_OF_BOUNDS]
    assert one.refused_readings == 20
    assert one.rejections()[0].detail.endswith("(and 17 more)")


def test_a_device_counts_from_when_it_came_until_it_was_retired() -> None:
    span = Known(SENSOR, {"93066": None}, until=AT, since=AT - timedelta(hours=1))

    def observed(at: datetime) -> list[Reason]:
        return reasons(examine(Message(TOPIC, co2(500, at), AT, 100), Adopted(span), LIMITS))

    second = timedelta(seconds=1)
    assert [observed(at) for at in (AT - second, AT, AT - timedelta(hours=1), AT - timedelta(hours=1) - second)] == [
        [],
        [Reason.RETIRED],
        [],
        [Reason.RETIRED],
    ]


def test_a_sensor_that_moved_may_name_its_former_commune_for_what_it_observed_there() -> None:
    moved = Known(SENSOR, {"93066": None, "75056": AT})
    topic = TOPIC.replace("93066", "75056")
    there = examine(Message(topic, co2(500, AT - timedelta(seconds=1)), AT, 100), Adopted(moved), LIMITS)
    after = examine(Message(topic, co2(500, AT), AT, 100), Adopted(moved), LIMITS)
    assert (len(there.observations), reasons(there)) == (1, [])
    assert (len(after.observations), reasons(after)) == (0, [Reason.WRONG_TOPIC])
    assert after.rejections()[0].commune_insee == "93066"


@pytest.mark.parametrize(
    "topic", [TOPIC.replace("93066", "75056"), TOPIC.replace("indoor", "outdoor"), "vigie/elsewhere"]
)
def test_another_commune_or_kind_than_the_sensor_has_is_a_wrong_topic(topic: str) -> None:
    assert reasons(examined(co2(500), topic)) == [Reason.WRONG_TOPIC]


def test_the_payload_of_another_device_is_a_wrong_topic() -> None:
    event = {"deviceInfo": {"devEui": "room-2"}, "time": AT.isoformat(), "object": {"co2": 500}}
    assert reasons(examined(json.dumps(event).encode(), "application/1/device/room-1/event/up")) == [Reason.WRONG_TOPIC]
    event["deviceInfo"] = {"devEui": "ROOM-1"}
    assert len(examined(json.dumps(event).encode(), "application/1/device/room-1/event/up").observations) == 1


def test_an_unknown_sensor_is_kept_aside_whole_but_not_its_nonsense() -> None:
    topic = TOPIC.replace("room-1", "room-9")
    payload = co2(500) + b" " * 1_000
    aside = examined(payload, topic).aside
    assert aside is not None
    assert (aside.external_id, aside.message.payload) == ("room-9", payload)
    assert reasons(examined(b"nonsense", topic)) == [Reason.MALFORMED]


def test_the_size_limit_and_what_is_kept() -> None:
    padded = co2(500).ljust(2_000)
    assert len(examined(padded).observations) == 1
    large = examined(padded + b" ")
    [rejection] = large.rejections()
    assert rejection.reason is Reason.TOO_LARGE
    assert (len(rejection.message.payload), rejection.message.size_bytes) == (300, 2_001)
    [whole] = examined(b"nonsense".ljust(2_000)).rejections()
    assert (whole.reason, len(whole.message.payload)) == (Reason.MALFORMED, 2_000)


def test_texts_that_postgresql_cannot_keep_are_mended() -> None:
    kept = cut(Message("a\0\ud800", b"", AT, 0, {"\0": "\ud800"}), LIMITS)
    assert "\0" not in kept.topic + "".join(kept.properties)
    (kept.topic + "".join(kept.properties.values())).encode()


def test_a_flooding_sensor_is_not_decoded_and_kept_whole() -> None:
    message = Message(TOPIC, b"anything at all".ljust(2_000), AT, 2_000, flooded=True)
    one = examine(message, Adopted(), LIMITS)
    [rejection] = one.rejections()
    assert (rejection.reason, rejection.decoder) == (Reason.FLOODED, "")
    assert rejection.message.payload == message.payload


def test_a_pack_without_a_time_is_told_as_such() -> None:
    assert examined(b'[{"n":"co2","u":"ppm","v":500}]').timeless
    assert examined(b'[{"n":"co2","u":"ppm","v":500,"t":-60}]').timeless
    assert not examined(co2(500)).timeless


def test_a_decoder_that_breaks_makes_a_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_payload: bytes, _received_at: datetime) -> Decoded:
        raise ZeroDivisionError

    monkeypatch.setitem(DECODERS, Network.NATIVE, broken)
    [rejection] = examined(co2(500)).rejections()
    assert rejection.reason is Reason.DECODER_FAILED
    assert "ZeroDivisionError" in rejection.detail
    assert rejection.message.payload == co2(500)


def frame(bytes_sent: str, model: str | None = None, **event: object) -> Examined:
    """Examine a frame of the sensor over ChirpStack, the sensor being of ``model``."""
    whole = {"deviceInfo": {"devEui": "room-1"}, "time": AT.isoformat(), "devAddr": "00189440", "fCnt": 7} | event
    payload = json.dumps(whole | {"data": base64.b64encode(bytes.fromhex(bytes_sent)).decode(), "fPort": 5}).encode()
    message = Message("application/1/device/room-1/event/up", payload, AT, len(payload))
    return examine(message, Adopted(Known(replace(SENSOR, model=model), {"93066": None})), LIMITS)


def test_the_bytes_of_a_known_model_are_decoded_where_the_codec_gives_nothing() -> None:
    one = frame("0100e20229", "elsys-ers-co2", rxInfo=[{"rssi": -97, "snr": 5.5}])
    found = {observation.metric.name: observation.value for observation in one.observations}
    assert found == pytest.approx({"temperature_c": 22.6, "humidity_ratio": 0.41, "rssi_dbm": -97, "snr_db": 5.5})
    assert one.sender.decoder.startswith("elsys-ers-co2/")
    assert one.uplink is not None
    assert (one.uplink.session, one.uplink.f_cnt) == ("00189440", 7)


def test_the_registry_decides_against_the_codec() -> None:
    codec = {"object": {"temperature": 99}}
    assert [one.value for one in frame("0100e2", "elsys-ers-co2", **codec).observations] == [pytest.approx(22.6)]
    assert [one.value for one in frame("0100e2", None, **codec).observations] == [99]


def named(brand_model: str) -> dict[str, object]:
    """Return the part of an event in which the network says which device it is."""
    brand, model = brand_model.split("/")
    return {"deviceInfo": {"devEui": "room-1", "tags": {"brand": brand, "model": model}}, "rxInfo": [{"rssi": -97}]}


def test_what_a_codec_gave_that_is_refused_does_not_keep_a_device_from_being_read() -> None:
    one = frame("0100e2", None, object={"temperature": "No Sensor"}, **named("elsys/ers-co2"))
    found = {observation.metric.name: observation.value for observation in one.observations}
    assert found == pytest.approx({"temperature_c": 22.6, "rssi_dbm": -97})
    assert reasons(one) == []
    assert one.sender.decoder.startswith("elsys-ers-co2/")


def test_a_claim_does_not_count_against_a_codec_that_gave_a_reading() -> None:
    one = frame("0100e2", None, object={"temperature": 99, "humidity": "none"}, **named("elsys/ers-co2"))
    assert [observation.value for observation in one.observations] == [99, -97]
    assert reasons(one) == [Reason.MALFORMED]
    assert one.sender.decoder.startswith("chirpstack/")


def test_a_codecs_refusals_stand_where_no_device_is_known() -> None:
    one = frame("0100e2", None, object={"temperature": "No Sensor"}, **named("elsys/no-such"))
    assert [observation.metric.name for observation in one.observations] == ["rssi_dbm"]
    assert reasons(one) == [Reason.MALFORMED]
    assert "temperature" in one.rejections()[0].detail
    assert one.sender.decoder.startswith("chirpstack/")


def test_a_device_decoder_that_refuses_the_frame_has_the_word() -> None:
    one = frame("0100", None, object={"temperature": "No Sensor"}, **named("elsys/ers-co2"))
    assert not one.observations
    assert [rejection.detail.split(":")[0] for rejection in one.rejections()] == ["no frame of elsys-ers-co2"]


@pytest.mark.parametrize(("model", "said"), [(None, "device model is not given"), ("no-such", "no-such is unknown")])
def test_bytes_that_nobody_reads_are_a_rejection_that_says_so(model: str | None, said: str) -> None:
    one = frame("0100e2", model)
    assert reasons(one) == [Reason.NO_READING]
    assert said in one.rejections()[0].detail
    assert one.uplink is not None
