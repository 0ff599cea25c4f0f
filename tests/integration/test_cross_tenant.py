"""Every operation of the API, asked by every role of one commune for what is another commune's: nothing comes out.

The operations are those of the OpenAPI document, and of the two standards' interfaces: an operation that is added is
tried without a line here, and one whose path or body needs a word that nobody knows fails the test until it is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from api_process import api_running_with, api_settings
from passes import enter, let_in
from two_communes import KIND, MARKS, OURS, THEIRS, Commune, Town, build, traces

from core.clock import format_instant, now
from core.roles import Grant, PassKind, Role
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

ROLES = [role for role in Role if role is not Role.DRIVER]
HOLDERS = [*ROLES, "site manager", "driver", "analyst of the whole site", "nobody"]
STREAMS = {"follow_live"}
"""Operations that do not end by themselves; tried apart."""


@dataclass(frozen=True)
class Place:
    """The API on the two communes, and the address of the database's owner."""

    url: str
    town: Town
    client: httpx.Client
    document: dict[str, Any]


@pytest.fixture(scope="module")
def place(database_server: DatabaseServer, template: str) -> Iterator[Place]:
    url = database_server.create("two_communes", template=template)
    try:
        town = build(url)
        # All of them ask from one address: what is refused for its number would hide what it tells.
        settings = api_settings(url, live_clients_max=20, rate_address_per_s=1e6, rate_address_burst=10**9)
        with api_running_with(settings) as client:
            document = client.get("/openapi.json").json()
            yield Place(url, town, client, document)
    finally:
        database_server.drop("two_communes")


def holder(place: Place, name: str) -> httpx.Client:
    """Return a client of somebody of our commune."""
    ours = place.town.ours
    if name == "nobody":
        return httpx.Client(base_url=place.client.base_url, timeout=20)
    if name == "driver":
        secret = enter(place.url, Grant(Role.DRIVER, OURS), kind=PassKind.LINK, decision_id=ours.decision_id)
    elif name == "site manager":
        secret = enter(place.url, Grant(Role.BUILDING_MANAGER, OURS, ours.site_id))
    elif name == "analyst of the whole site":
        secret = enter(place.url, Grant(Role.ANALYST, OURS, ours.other_site_id), Grant(Role.AUDITOR, OURS))
    else:
        secret = enter(place.url, Grant(Role(name), OURS))
    return let_in(place.client, secret)


def words(their: Commune, town: Town) -> dict[str, Any]:
    """Return what stands for each parameter and field, so that it means the other commune."""
    hour = timedelta(hours=1)
    return {
        "insee": their.insee,
        "commune": their.insee,
        "commune_insee": their.insee,
        "sensor_id": their.sensor_id,
        "series_id": their.series_id,
        "decision_id": their.decision_id,
        "rejection_id": their.rejection_id,
        "intake_id": their.intake_id,
        "schedule_id": their.schedule_id,
        "site_id": their.site_id,
        "person_id": their.person_id,
        "pass_id": their.pass_id,
        "webhook_id": their.webhook_id,
        "rule_id": their.rule_id,
        "alarm_id": their.alarm_id,
        "maintenance_id": their.maintenance_id,
        "subscription_id": their.subscription_id,
        "intervention_id": their.intervention_id,
        "photo_id": their.photo_id,
        "slot": 1,
        "group": MARKS[THEIRS],
        "kind": KIND,
        "code": their.subject,
        "subject": their.subject,
        "sensor": their.external_id,
        "from": format_instant(town.present - 24 * hour),
        "start": format_instant(town.present - 24 * hour),
        "until": format_instant(town.present + hour),
        "since": format_instant(town.present - 24 * hour),
        "by": "hour",
        "format": "csv",
    }


def body_of(operation: dict[str, Any], their: Commune) -> dict[str, Any]:
    """Return the body of an operation's own example, so that it would do what it does to the other commune."""
    [media, content] = next(iter(operation["requestBody"]["content"].items()))
    example = next(iter(content["examples"].values()))["value"]
    if media == "application/json":
        return {"json": meant(example, their)}
    assert media in {"text/csv", "image/jpeg"}, media
    return {"content": example.replace(OURS, their.insee).encode(), "headers": {"Content-Type": media}}


def meant(example: Any, their: Commune) -> Any:
    """Return an example with the other commune wherever it names a place, a subject or an instant of its own."""
    if isinstance(example, list):
        return [meant(one, their) for one in example]
    if not isinstance(example, dict):
        return example
    places = {
        "commune": their.insee,
        "commune_insee": their.insee,
        "communes": [their.insee],
        "site_id": None,
        "subject": their.subject,
        "expires_at": format_instant(now() + timedelta(hours=2)),
    }
    return {name: places[name] if name in places else meant(value, their) for name, value in example.items()}


OF_ITS_OWN: dict[str, dict[str, Any]] = {
    "read_scores": {"by": "series", "metric": "co2_ppm"},
    "read_fairness": {"metric": "co2_ppm"},
}
"""What an operation calls by a name that means something else elsewhere."""


def requests(place: Place, client: httpx.Client) -> Iterator[tuple[str, httpx.Request]]:
    """Yield every operation with the words of the other commune, and those of lists without any, too."""
    their, town = place.town.theirs, place.town
    everywhere = words(their, town)
    for path, operations in place.document["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            if name in STREAMS:
                continue
            asked, told = operation.get("parameters", []), everywhere | OF_ITS_OWN.get(name, {})
            url = re.sub(r"{(\w+)}", lambda found: str(everywhere.get(found[1], their.sensor_id)), path)
            needed = {
                one["name"]: told.get(one["name"], 1) for one in asked if one["in"] == "query" and one["required"]
            }
            known = {one["name"]: told[one["name"]] for one in asked if one["in"] == "query" and one["name"] in told}
            body = body_of(operation, their) if "requestBody" in operation else {}
            for query in (needed, known) if known != needed else (known,):
                yield name, client.build_request(method, path_below(client, url), params=query, **body)


def unasked(answer: httpx.Response) -> str:
    """Return what an answer says; of a refusal, without the words of the question, which it may repeat."""
    said = answer.text
    if answer.status_code < 400:
        return said
    url = answer.request.url
    asked = [*url.params.values(), *url.path.split("/"), *re.findall(r'"([^"]+)"', answer.request.content.decode())]
    for word in sorted(filter(None, asked), key=len, reverse=True):
        said = said.replace(word, "")
    return said


def path_below(client: httpx.Client, path: str) -> str:
    """Return a path as this client asks for it, whose base is the API's root."""
    return str(client.base_url.copy_with(path=path))


def others_state(url: str) -> dict[str, str]:
    """Return a digest of all rows of the tables that acts change, the other commune's only where they tell."""
    digests = {}
    with closing(psycopg.connect(url)) as connection:
        for table, chosen in {
            "sensor": "sensor_id >= 900000",
            "site": "commune_insee = '93005'",
            "calibration": "series_id >= 900000",
            "decision": "commune_insee = '93005'",
            "decision_answer": "decision_id >= 900000",
            "decision_subject": "commune_insee = '93005'",
            "intake": "arguments->>'commune' = '93005'",
            "aside": "true",
            "rejection": "commune_insee = '93005'",
            "export_schedule": "true",
            "person": "person_id >= 900000",
            "person_grant": "commune_insee = '93005'",
            "group_grant": "commune_insee = '93005'",
            "pass": "pass_id >= 900000",
            "pass_grant": "commune_insee = '93005'",
            "webhook": "webhook_id >= 900000",
            "alarm": "commune_insee = '93005'",
            "alarm_act": "alarm_id >= 900000",
            "alarm_rule": "rule_id >= 900000",
            "maintenance": "commune_insee = '93005'",
            "subscription": "subscription_id >= 900000",
            "intervention": "sensor_id >= 900000",
            "photo": "photo_id >= 900000",
        }.items():
            row = connection.execute(
                f"SELECT md5(string_agg(one::text, '|' ORDER BY one::text)) FROM {table} AS one WHERE {chosen}"  # noqa: S608 - names of ours
            ).fetchone()
            assert row is not None, "an aggregate returns a row"
            digests[table] = row[0]
    return digests


@pytest.mark.parametrize("name", HOLDERS)
def test_no_operation_gives_or_changes_anything_of_another_commune(place: Place, name: str) -> None:
    before = others_state(place.url)
    leaks, mistakes, unheard = [], [], []
    with holder(place, name) as client:
        for operation, request in requests(place, client):
            answer = client.send(request)
            assert answer.status_code != 429, operation
            if found := traces(unasked(answer), refused=answer.status_code >= 400):
                leaks.append((operation, str(request.url), answer.status_code, found))
            if answer.status_code >= 500 and answer.status_code != 501:
                mistakes.append((operation, str(request.url), answer.status_code, answer.text[:200]))
            if answer.status_code == 422 and request.method != "GET":
                unheard.append((operation, answer.text[:300]))
    assert leaks == []
    # What is refused for its form says nothing of who may do it.
    assert unheard == []
    assert mistakes == []
    assert others_state(place.url) == before


@pytest.mark.parametrize("name", HOLDERS)
def test_no_list_of_communes_tells_what_another_has(place: Place, name: str) -> None:
    with holder(place, name) as client:
        answer = client.get("/communes")
        if answer.status_code == 200:
            [theirs] = [one for one in answer.json()["items"] if one["insee"] == THEIRS]
            assert not theirs["sensors"]


def test_all_of_this_finds_what_is_ones_own(place: Place) -> None:
    """The same questions, asked by one who may: what the others must not see is there to be seen."""
    found = set()
    with let_in(place.client, enter(place.url, *(Grant(role, THEIRS) for role in ROLES))) as client:
        for operation, request in requests(place, client):
            if request.method == "GET":
                answer = client.send(request)
                if answer.status_code == 200 and traces(answer.text):
                    found.add(operation)
    assert found >= {
        "read_sites", "read_sensors", "read_sensor", "read_series_page", "read_series", "read_sensor_changes",
        "read_latest", "read_readings", "read_chart", "read_rollups", "read_calibrations", "read_forecast",
        "read_decisions", "read_decision", "read_decision_subjects", "read_export", "read_rejections",
        "read_rejection", "read_rejection_groups", "read_gaps", "read_ledgers", "read_reception", "read_trends",
        "read_uplink", "read_frames", "read_frame", "read_interventions", "read_photo", "read_journal",
        "read_past_forecast", "read_completeness", "read_unknown_sensors", "read_intakes", "read_intake", "read_scores",
        "read_alarms", "read_alarm", "read_alarm_rules", "read_maintenance", "export_alarms",
    }  # fmt: skip


def seen_live(client: httpx.Client, **asked: Any) -> str:
    """Return what a live feed that resumes from the beginning first says, nothing where it is refused."""
    with client.stream("GET", "/live", params={"last_event_id": 1, **asked}, timeout=2) as stream:
        if stream.status_code != 200:
            return ""
        said = ""
        try:
            for text in stream.iter_text():
                said += text
        except httpx.ReadTimeout:
            pass
        return said


@pytest.mark.parametrize("name", ["technician", "site manager", "auditor", "driver", "nobody"])
def test_the_live_feed_says_nothing_of_another_commune(place: Place, name: str) -> None:
    with holder(place, name) as client:
        assert traces(seen_live(client)) == []
        assert traces(seen_live(client, commune=THEIRS)) == []


@pytest.mark.parametrize(
    "path",
    [
        "/ngsi-ld/v1/entities?type=AirQualityObserved&limit=100",
        "/ngsi-ld/v1/entities?type=Device&limit=100",
        "/ngsi-ld/v1/entities?type=Device&q=name~=%22marque-b%22",
        "/ngsi-ld/v1/temporal/entities?type=AirQualityObserved&timerel=after&timeAt=2020-01-01T00:00:00Z",
        "/sensorthings/v1.1/Things?$top=100",
        "/sensorthings/v1.1/Things(900000)?$expand=Datastreams",
        "/sensorthings/v1.1/Datastreams(900000)/Observations",
        "/sensorthings/v1.1/Datastreams?$expand=Observations($top=3)",
        "/sensorthings/v1.1/Sensors?$top=100",
        "/sensorthings/v1.1/FeaturesOfInterest?$top=100",
        "/sensorthings/v1.1/Locations?$top=100",
    ],
)
@pytest.mark.parametrize("name", ["technician", "site manager", "auditor", "driver"])
def test_the_standards_interfaces_say_nothing_of_another_commune(place: Place, name: str, path: str) -> None:
    with holder(place, name) as client:
        answer = client.get(path_below(client, "/").rstrip("/") + path)
        assert answer.status_code < 500
        assert traces(answer.text, refused=answer.status_code >= 400) == []


@pytest.mark.parametrize("form", ["csv", "csv-iso", "parquet"])
def test_no_file_holds_anything_of_another_commune(place: Place, form: str) -> None:
    ours, theirs = place.town.ours, place.town.theirs
    span = {"from": format_instant(place.town.present - timedelta(days=3)), "format": form}
    with holder(place, "analyst") as client:
        whole = client.get("/exports/readings", params=span)
        assert whole.status_code in {200, 422}
        assert b"marque-b" not in whole.content
        mine = client.get("/exports/readings", params={**span, "series": ours.series_id})
        others: list[dict[str, Any]] = [
            {"commune": THEIRS}, {"series": theirs.series_id}, {"sensor": theirs.external_id},
            {"site": theirs.site_id}, {"series": theirs.series_id, "by": "day"},
        ]  # fmt: skip
        for wanted in others:
            answer = client.get("/exports/readings", params={**span, **wanted})
            assert answer.status_code in {403, 404, 422}, answer.text[:200]
    if form != "parquet" and mine.status_code == 200:
        assert "marque-a" in mine.text


def test_what_is_said_is_json_that_names_no_other(place: Place) -> None:
    with holder(place, "administrator") as client:
        me = client.get("/me")
    assert me.status_code == 200
    assert THEIRS not in json.dumps(me.json())


def test_what_was_taken_away_is_on_record(place: Place) -> None:
    ours = place.town.ours
    with holder(place, "technician") as client:
        assert client.get("/exports/readings", params={"series": ours.series_id, "format": "csv"}).status_code == 200
    with holder(place, "auditor") as client:
        [newest, *_] = client.get("/audit", params={"what": "export_taken"}).json()["items"]
    assert (newest["target"], newest["commune_insee"]) == ("readings", OURS)
    assert newest["after"]["wanted"] == {"series": [ours.series_id]}
