"""Alarms over the API: read by urgency, acted on once, exported, with rules, trials and maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from passes import enter, let_in

from core.clock import format_instant, now
from core.events import Severity
from core.places import Sensor, SensorKind, Site
from core.roles import Grant, Role
from core.store.episodes import NewAlarm, insert_alarms
from core.store.places import write_series
from core.store.pool import connected
from core.store.sensors import declare_sensor, read_sensor

pytestmark = pytest.mark.integration

COMMUNE, ELSEWHERE = "93051", "93066"
AT = now().replace(microsecond=0)


class Town:
    """Two communes with a room each, and alarms of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.places: dict[str, tuple[int, int, int]] = {}
        with connected(url) as connection:
            for commune in (COMMUNE, ELSEWHERE):
                site = Site(commune, f"ecole-{commune}", "École des Tilleuls", 2.5, 48.8)
                sensor = Sensor(f"salle-{commune}", SensorKind.INDOOR_AIR, "salle 12", site)
                sensor_id = declare_sensor(connection, sensor, AT - timedelta(days=30))
                kept = read_sensor(connection, sensor_id)
                assert kept is not None
                assert kept.site.site_id is not None
                self.places[commune] = kept.site.site_id, sensor_id, write_series(connection, sensor_id, "co2_ppm")

    def rule_id(self, preset: str) -> int:
        """Return the id of a rule that comes with Vigie."""
        with connected(self.url) as connection:
            row = connection.execute("SELECT rule_id FROM alarm_rule WHERE preset = %s", (preset,)).fetchone()
        assert row is not None
        return int(row[0])

    def raised(
        self, commune: str = COMMUNE, severity: Severity = Severity.WARNING, ago_min: int = 24, **is_so: Any
    ) -> int:
        """Raise an alarm of a room; return its id."""
        site_id, sensor_id, series_id = self.places[commune]
        since = AT - timedelta(minutes=ago_min)
        values: dict[str, Any] = {
            "rule_id": self.rule_id("co2_school_1500"),
            "sensor_id": sensor_id,
            "series_id": series_id,
            "figures": {"value": 1840.0, "limit": 1500.0},
            "until": None,
            **is_so,
        }
        new = NewAlarm(
            name="threshold",
            severity=severity,
            commune_insee=commune,
            site_id=site_id,
            since=since,
            confirmed_at=since + timedelta(minutes=20),
            raised_at=since + timedelta(minutes=20),
            **values,
        )
        with connected(self.url) as connection:
            return insert_alarms(connection, [new])[0]


@pytest.fixture
def town(database_url: str) -> Town:
    return Town(database_url)


@pytest.fixture
def client(town: Town) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with api_running(town.url) as client:
        yield client


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [one["alarm_id"] for one in answer.json()["items"]]


def test_alarms_are_listed_by_urgency_page_by_page_and_said_in_both_languages(town: Town, client: httpx.Client) -> None:
    late, urgent = town.raised(ago_min=30), town.raised(severity=Severity.CRITICAL)
    info = town.raised(ELSEWHERE, Severity.INFO)
    assert ids(client.get("/alarms")) == [urgent, late, info]
    assert ids(client.get("/alarms", params={"commune": COMMUNE, "severity": "warning"})) == [late]
    first = client.get("/alarms", params={"limit": 2}).json()
    assert ids(client.get("/alarms", params={"limit": 2, "cursor": first["next"]})) == [info]
    assert client.get("/alarms", params={"cursor": "0~x~1"}).status_code == 422
    newest = client.get("/alarms", params={"state": "all", "limit": 1}).json()
    assert ids(client.get("/alarms", params={"state": "all", "cursor": newest["next"]}))[-1] == late
    [alarm] = [one for one in first["items"] if one["alarm_id"] == late]
    assert (alarm["title"], alarm["unit"], alarm["state"]) == ("CO₂ élevé, salle 12", "ppm", "raised")
    assert "1\u202f840" in alarm["detail"]
    assert "27 décembre 2022" in alarm["why"]
    english = client.get(f"/alarms/{late}", params={"language": "en"}).json()
    assert english["title"] == "High CO₂, salle 12"
    assert (english["acts"], english["members"]) == ([], [])


def test_an_act_is_done_once_counted_and_kept_on_record(town: Town, client: httpx.Client) -> None:
    alarm = town.raised()
    path = f"/alarms/{alarm}/acts"
    for _ in range(2):
        done = client.post(path, json={"what": "acknowledge", "said": "j’y vais"})
        assert (done.status_code, done.json()["state"]) == (200, "acknowledged")
    until = format_instant(now() + timedelta(hours=4))
    assert client.post(path, json={"what": "snooze", "until": until}).json()["state"] == "snoozed"
    assert client.get("/alarms/counts").json()["snoozed"] == 1
    assert client.post(path, json={"what": "unsnooze"}).json()["state"] == "acknowledged"
    assert client.post(path, json={"what": "assign", "assignee": "Équipe air"}).json()["assignee"] == "Équipe air"
    assert client.post(path, json={"what": "comment", "said": "fenêtre ouverte"}).status_code == 200
    assert client.post(path, json={"what": "unacknowledge"}).json()["state"] == "raised"
    for refused, field in (
        ({"what": "comment"}, "said"),
        ({"what": "snooze"}, "until"),
        ({"what": "snooze", "until": "2026-01-01T00:00:00Z"}, "until"),
    ):
        answer = client.post(path, json=refused)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, field)
    acts = [one["what"] for one in client.get(f"/alarms/{alarm}").json()["acts"]]
    assert acts == ["acknowledged", "snoozed", "unsnoozed", "assigned", "commented", "unacknowledged"]
    with connected(town.url) as connection:
        recorded = connection.execute("SELECT count(*) FROM audit WHERE what = 'alarm_acted'").fetchone()
        told = connection.execute("SELECT body #>> '{data,title,fr}' FROM event WHERE name LIKE 'alarm.%%'").fetchall()
    assert recorded == (6,)
    assert told == [("CO₂ élevé, salle 12",)]


def test_an_alarm_that_is_over_takes_notes_only(town: Town, client: httpx.Client) -> None:
    alarm = town.raised(until=AT, cleared_at=AT)
    assert client.post(f"/alarms/{alarm}/acts", json={"what": "acknowledge"}).status_code == 409
    assert client.post(f"/alarms/{alarm}/acts", json={"what": "comment", "said": "vu"}).status_code == 200
    assert ids(client.get("/alarms")) == []
    assert ids(client.get("/alarms", params={"state": "all"})) == [alarm]


def test_each_sees_and_acts_where_they_may(town: Town, client: httpx.Client) -> None:
    here, there = town.raised(), town.raised(ELSEWHERE)
    site_id = town.places[COMMUNE][0]
    for grant, may_act in (
        (Grant(Role.TECHNICIAN, COMMUNE), True),
        (Grant(Role.TECHNICIAN, COMMUNE, site_id), True),
        (Grant(Role.BUILDING_MANAGER, COMMUNE, site_id), False),
        (Grant(Role.ANALYST, COMMUNE), False),
    ):
        with let_in(client, enter(town.url, grant)) as other:
            assert ids(other.get("/alarms")) == [here]
            assert other.get(f"/alarms/{there}").status_code == 404
            status = other.post(f"/alarms/{here}/acts", json={"what": "comment", "said": "x"}).status_code
            assert status == (200 if may_act else 403)
            assert other.post(f"/alarms/{there}/acts", json={"what": "comment", "said": "x"}).status_code in {403, 404}


def test_the_journal_opens_in_a_french_spreadsheet(town: Town, client: httpx.Client) -> None:
    alarm = town.raised()
    french = client.get("/alarms.csv")
    assert french.status_code == 200
    assert french.content.startswith(b"\xef\xbb\xbfAlarme;Lev")
    line = french.text.splitlines()[1]
    assert line.startswith(f"{alarm};")
    assert ";1840;1500;ppm;" in line
    programs = client.get("/alarms.csv", params={"format": "csv"}).text.splitlines()
    assert programs[0].startswith("alarm_id,raised_at,since")
    assert ",1840,1500,ppm," in programs[1]


RULE = {
    "name": "CO₂ des crèches",
    "condition": "threshold",
    "metric": "co2_ppm",
    "commune_insee": COMMUNE,
    "parameters": {"side": "above", "raise": 1_000, "clear": 900, "minutes": 20},
}


def test_a_rule_is_made_edited_by_versions_and_ended(town: Town, client: httpx.Client) -> None:
    presets = client.get("/alarm-rules").json()["items"]
    assert [one["preset"] for one in presets if not (one["title"] and one["said"])] == []
    made = client.post("/alarm-rules", json=RULE)
    assert made.status_code == 201, made.text
    rule = made.json()
    assert " ".join(rule["said"].split()) == "CO₂ au moins à 1 000 ppm, pendant 20 min"
    assert rule["parameters"]["clear_minutes"] == 0
    edited = client.put(f"/alarm-rules/{rule['rule_id']}", json=RULE | {"enabled": False}).json()
    assert (edited["replaces"], edited["enabled"]) == (rule["rule_id"], False)
    assert client.put(f"/alarm-rules/{rule['rule_id']}", json=RULE).status_code == 404
    assert client.delete(f"/alarm-rules/{edited['rule_id']}").status_code == 204
    assert client.delete(f"/alarm-rules/{town.rule_id('silence')}").status_code == 409
    assert len(client.get("/alarm-rules").json()["items"]) == len(presets)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metric": None}, "metric"),
        ({"parameters": {"side": "above", "raise": 1, "clear": 2}}, "parameters"),
        ({"parameters": {"side": "above", "raise": 1, "clear": 1, "minutes": -1}}, "parameters.minutes"),
        ({"site_id": 999}, "site_id"),
        ({"sensor_id": 999}, "sensor_id"),
        ({"commune_insee": None, "site_id": 1}, "commune_insee"),
        ({"source_url": "javascript:alert(1)"}, "source_url"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_named(client: httpx.Client, change: dict[str, Any], field: str) -> None:
    answer = client.post("/alarm-rules", json=RULE | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["parameter"] == field


def test_rules_of_the_metropole_are_of_who_operates_it(town: Town, client: httpx.Client) -> None:
    whole = RULE | {"commune_insee": None}
    with let_in(client, enter(town.url, Grant(Role.TECHNICIAN, COMMUNE))) as technician:
        assert technician.post("/alarm-rules", json=whole).status_code == 403
        assert technician.post("/alarm-rules", json=RULE | {"commune_insee": ELSEWHERE}).status_code in {403, 422}
        assert technician.post("/alarm-rules", json=RULE).status_code == 201
        assert technician.put(f"/alarm-rules/{town.rule_id('silence')}", json=whole).status_code == 403
    assert client.post("/alarm-rules", json=whole).status_code == 201


def fill(url: str, series_id: int, values: list[tuple[datetime, float]]) -> None:
    with connected(url) as connection:
        for at, value in values:
            connection.execute(
                "INSERT INTO reading (series_id, observed_at, value, quality, received_at) VALUES (%s, %s, %s, 0, %s)",
                (series_id, at, value, at),
            )


def test_a_trial_says_what_a_rule_would_have_raised_and_writes_nothing(town: Town, client: httpx.Client) -> None:
    _, sensor_id, series_id = town.places[COMMUNE]
    start = AT - timedelta(days=3)
    step = timedelta(minutes=10)
    high = range(40, 60)
    fill(town.url, series_id, [(start + i * step, 1_400.0 if i in high else 600.0) for i in range(400)])
    rules = len(client.get("/alarm-rules").json()["items"])
    tried = client.post("/alarm-rules/trial", json={"rule": RULE, "days": 7})
    assert tried.status_code == 200, tried.text
    found = tried.json()
    assert (found["alarms"], found["sensors"], found["series"], found["series_left"]) == (1, 1, 1, 0)
    assert found["per_sensor_month"] == pytest.approx(30 / 7)
    [example] = found["examples"]
    assert (example["sensor_id"], example["since"]) == (sensor_id, format_instant(start + 40 * step))
    for condition, metric, parameters in (
        ("rate", "co2_ppm", {"per_minute": 50, "minutes": 10}),
        ("stuck", None, {}),
        ("silence", None, {}),
        ("completeness", None, {}),
        ("expected", "co2_ppm", {}),
        ("expected", "co2_ppm", {"will_exceed": 1500}),
        ("battery", "battery_v", {"empty": 2.2}),
    ):
        rule = RULE | {"condition": condition, "metric": metric, "parameters": parameters}
        answer = client.post("/alarm-rules/trial", json={"rule": rule})
        assert answer.status_code == 200, (condition, answer.text)
    with let_in(client, enter(town.url, Grant(Role.ANALYST, ELSEWHERE))) as other:
        blind = other.post("/alarm-rules/trial", json={"rule": RULE | {"commune_insee": None}}).json()
        assert (blind["series"], blind["alarms"]) == (1, 0)
    assert len(client.get("/alarm-rules").json()["items"]) == rules
    assert ids(client.get("/alarms")) == []


def test_a_maintenance_window_is_opened_and_ended(town: Town, client: httpx.Client) -> None:
    site_id, sensor_id, _ = town.places[COMMUNE]
    body = {
        "commune_insee": COMMUNE,
        "sensor_id": sensor_id,
        "start_at": format_instant(now()),
        "end_at": format_instant(now() + timedelta(hours=8)),
        "why": "travaux",
    }
    opened = client.post("/maintenance", json=body)
    assert opened.status_code == 201, opened.text
    assert (opened.json()["site_id"], opened.json()["cancelled_at"]) == (site_id, None)
    path = f"/maintenance/{opened.json()['maintenance_id']}"
    for refused, field in (
        ({"end_at": body["start_at"]}, "end_at"),
        ({"end_at": format_instant(now() + timedelta(days=99))}, "end_at"),
        ({"site_id": 999}, "site_id"),
        ({"why": " "}, "why"),
    ):
        answer = client.post("/maintenance", json=body | refused)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, field)
    with let_in(client, enter(town.url, Grant(Role.TECHNICIAN, ELSEWHERE))) as other:
        assert other.get("/maintenance").json()["items"] == []
        assert other.delete(path).status_code == 404
    assert client.delete(path).status_code == client.delete(path).status_code == 204
    assert client.get("/maintenance").json()["items"][0]["cancelled_at"] is not None
