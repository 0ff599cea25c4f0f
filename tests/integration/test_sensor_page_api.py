"""What a sensor's page asks: quality, past forecasts, neighbours, the journal with pictures, the code to stick on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from api_process import api_running_with, api_settings
from passes import EVERYTHING, enter, shown
from PIL import Image

from core.clock import PARIS, floor_to_step, format_instant, now, parse_instant
from core.forecasts import Forecast, ForecastStep
from core.places import Sensor, SensorKind, Site, communes
from core.quality.completeness import HOUR
from core.readings import Batch, Reading
from core.roles import Grant, Role
from core.store.batches import write_batch
from core.store.devices import read_device_owner
from core.store.forecasts import write_forecasts
from core.store.months import make_months_ahead
from core.store.places import write_communes, write_series
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from services.quality import judge_touched

pytestmark = pytest.mark.integration

SCHOOL = Site("93051", "tilleuls", "École des Tilleuls", 2.5500, 48.8400)
NEAR = Site("93051", "gymnase", "Gymnase", 2.5530, 48.8400)
FAR = Site("93051", "mairie", "Mairie", 2.5700, 48.8400)
EVERY = timedelta(minutes=10)


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        write_communes(connection, communes().values())
        make_months_ahead(connection, now())
        for number, site in enumerate((SCHOOL, SCHOOL, NEAR, FAR), start=1):
            sensor = Sensor(f"room-{number}", SensorKind.INDOOR_AIR, f"Salle {number}", site)
            sensor_id = adopt_sensor(connection, sensor, now() - timedelta(days=30))
            assert write_series(connection, sensor_id, "co2_ppm") == sensor_id
        connection.commit()
        connection.autocommit = True
        yield connection


@pytest.fixture
def client(database_url: str, store: Connection) -> Iterator[httpx.Client]:
    assert store.autocommit
    with api_running_with(api_settings(database_url)) as client:
        client.headers.update(shown(enter(database_url, *EVERYTHING, name="Nadia")))
        yield client


def measure(store: Connection, series_id: int, *, hours: int = 30, without: range = range(0)) -> None:
    """Write a reading every ten minutes up to now, but for these hours ago."""
    present = floor_to_step(now(), HOUR)
    instants = [present - EVERY * step for step in range(1, hours * 6)]
    kept = [at for at in instants if (present - at) // HOUR not in without]
    write_batch(store, Batch(now(), [Reading(series_id, at, 600.0 + at.minute) for at in kept]))
    while judge_touched(store).hours_touched:
        pass


def test_the_strip_tells_what_was_missing_and_what_was_refused(store: Connection, client: httpx.Client) -> None:
    measure(store, 1, without=range(5, 10))
    at = now() - timedelta(hours=13)
    store.execute(
        """
        INSERT INTO rejection (received_at, last_received_at, reason, detail, topic, payload, size_bytes, properties,
                               external_id, commune_insee, digest)
        VALUES (%(at)s, %(at)s, 'out_of_bounds', '', '', '{}', 2, '{}', 'room-1', '93051', '\\x00')
        """,
        {"at": at},
    )
    told = client.get("/sensors/1/quality", params={"days": 1, "step": "PT1H"}).json()
    states = {one["from"]: one["state"] for one in told["strip"]}
    assert len(states) == 24
    assert states[format_instant(floor_to_step(at, HOUR))] == "refused"
    *past, under_way = states.values()
    assert under_way == "none"
    assert sorted(set(past)) == ["good", "missing", "refused"]
    assert past.count("missing") == 5
    assert (told["refused"], told["missing"], told["duplicates"]) == (1, 30, 0)
    assert client.get("/sensors/1/quality", params={"step": "PT90M"}).status_code == 422


def test_a_sensor_without_counters_lacks_what_its_interval_says(store: Connection, client: httpx.Client) -> None:
    measure(store, 1, without=range(5, 10))
    told = client.get("/sensors/1/uplink", params={"days": 1}).json()
    assert (told["network"], told["interval_s"], told["gateways"]) == ("mqtt", 600, [])
    [gap] = [one for one in told["gaps"] if one["until"]]
    assert gap["missing"] == 30
    assert told["ratio"] == pytest.approx(told["received"] / told["expected"])


def test_a_day_is_told_as_it_was_expected_before_it_began(store: Connection, client: httpx.Client) -> None:
    measure(store, 1, hours=60)
    day = (now().astimezone(PARIS) - timedelta(days=1)).date()
    told = client.get("/series/1/forecasts/past", params={"day": str(day)}).json()
    assert (told["steps"], told["step_s"], told["record"]) == ([], None, None)
    midnight = parse_instant(told["start"])
    quantiles = (500.0, 550.0, 580.0, 600.0, 640.0, 690.0, 700.0)
    for issued_at, low in ((midnight, 0.0), (midnight + HOUR, 1_000.0), (midnight + 6 * HOUR, 1_000.0)):
        steps = [
            ForecastStep(issued_at + number * timedelta(minutes=5), tuple(one + low for one in quantiles))
            for number in range(72)
        ]
        forecast = Forecast(1, issued_at, timedelta(minutes=5), issued_at - HOUR, steps, fallback="naive")
        write_forecasts(store, [forecast])
    told = client.get("/series/1/forecasts/past", params={"day": str(day)}).json()
    assert len(told["steps"]) == 144
    assert {one["issued_at"] for one in told["steps"]} == {
        format_instant(midnight), format_instant(midnight + 6 * HOUR)
    }  # fmt: skip
    for impossible in ("0001-01-01", "2099-01-01"):
        assert client.get("/series/1/forecasts/past", params={"day": impossible}).status_code == 422
    judged = [one for one in told["steps"] if one["hit"] is not None]
    assert told["judged"] == len(judged) == 72
    assert told["hits"] == 36
    assert all(one["hit"] == (one["p10"] <= one["came"] <= one["p90"]) for one in judged)


def test_neighbours_come_by_distance_with_what_they_say(store: Connection, client: httpx.Client) -> None:
    measure(store, 3)
    found = client.get("/sensors/1/neighbours").json()["items"]
    assert [(one["external_id"], one["distance_m"]) for one in found] == [("room-2", 0.0), ("room-3", 219.6)]
    assert [value["metric"] for value in found[1]["values"]] == ["co2_ppm"]
    further = client.get("/sensors/1/neighbours", params={"radius_m": 2000}).json()["items"]
    assert [one["external_id"] for one in further] == ["room-2", "room-3", "room-4"]


def picture(form: str = "JPEG", size: tuple[int, int] = (2_000, 1_000)) -> bytes:
    written = BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    Image.new("RGB", size, "red").save(written, form, exif=exif)
    return written.getvalue()


def test_interventions_and_pictures_make_the_journal(store: Connection, client: httpx.Client) -> None:
    body = {"what": "battery_changed", "said": "Pile neuve.", "at": format_instant(now() - HOUR)}
    noted = client.post("/sensors/1/interventions", json=body)
    assert noted.status_code == 201, noted.text
    made = noted.json()
    assert (made["what"], made["by"], made["role"]) == ("battery_changed", "Nadia", "administrator")
    url = f"/interventions/{made['intervention_id']}/photos"
    headers = {"Content-Type": "image/jpeg"}
    for form in ("JPEG", "PNG", "WEBP"):
        added = client.post(url, content=picture(form), headers=headers)
        assert added.status_code == 201, added.text
    refused = client.post(url, content=b"<svg onload=alert(1)>", headers=headers)
    assert refused.status_code == 422
    assert client.post(url, content=b"\0" * (5 * 2**20 + 1), headers=headers).status_code == 413
    shown_photo = client.get(f"/photos/{added.json()['photo_id']}")
    assert shown_photo.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(shown_photo.content)).size == (1_600, 800)
    small = client.get(f"/photos/{added.json()['photo_id']}", params={"size": "small"})
    assert Image.open(BytesIO(small.content)).size == (320, 160)
    client.post("/series/1/calibrations", json={"valid_from": format_instant(now() - HOUR), "shift": 12})
    journal = client.get("/sensors/1/journal", params={"limit": 2}).json()
    rest = client.get("/sensors/1/journal", params={"before": journal["next"]}).json()
    whole = [(one["kind"], one["what"]) for one in [*journal["items"], *rest["items"]]]
    assert whole == [("change", "calibrated"), ("intervention", "battery_changed"), ("change", "adopted")]
    assert len(journal["items"][1]["photos"]) == 3
    assert client.delete(f"/photos/{added.json()['photo_id']}").status_code == 204
    assert client.delete(f"/interventions/{made['intervention_id']}").status_code == 204
    assert client.get("/sensors/1/interventions").json()["items"] == []
    assert store.execute("SELECT count(*) FROM photo").fetchone() == (0,)
    acts = [one["what"] for one in client.get("/audit").json()["items"]]
    assert {"intervention_noted", "photo_added", "photo_removed", "intervention_removed"} <= set(acts)


def test_no_more_than_eight_pictures_and_none_by_who_does_not_tend(
    database_url: str, store: Connection, client: httpx.Client
) -> None:
    assert store.autocommit
    made = client.post("/sensors/1/interventions", json={"what": "remark"}).json()
    url, headers = f"/interventions/{made['intervention_id']}/photos", {"Content-Type": "image/png"}
    answers = [client.post(url, content=picture("PNG", (9, 9)), headers=headers).status_code for _ in range(9)]
    assert answers == [201] * 8 + [409]
    client.headers.update(shown(enter(database_url, Grant(Role.ANALYST, "93051"))))
    assert client.get("/sensors/1/interventions").status_code == 200
    for method, path in (("POST", "/sensors/1/interventions"), ("POST", url), ("DELETE", "/photos/1")):
        assert client.request(method, path, json={"what": "remark"}).status_code == 403
    in_future = {"what": "remark", "at": format_instant(now() + HOUR)}
    client.headers.update(shown(enter(database_url, *EVERYTHING)))
    assert client.post("/sensors/1/interventions", json=in_future).status_code == 422


def test_the_code_leads_to_the_page_also_of_a_device_replaced_since(store: Connection, client: httpx.Client) -> None:
    store.execute("INSERT INTO former_device (external_id, sensor_id, removed_at) VALUES ('old-1', 1, now())")
    assert read_device_owner(store, "old-1") == 1
    code = client.get("/sensors/1/code.svg")
    assert code.headers["content-type"].startswith("image/svg+xml")
    assert re.search(r'fill="#fff"', code.text)
    root = str(client.base_url.copy_with(path="/s/"))
    page = "capteur?sensor=1"
    for external_id, target in (("room-1", page), ("OLD-1", page), ("no", "supervision?search=no")):
        led = client.get(f"{root}{external_id}")
        assert (led.status_code, led.headers["location"]) == (303, f"/{target}")
    stranger = httpx.get(f"{root}room-1")
    assert stranger.headers["location"] == "/signin?next=%2Fs%2Froom-1"
