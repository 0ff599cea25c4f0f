"""NGSI-LD on a real PostgreSQL: entities, their history, what there is to ask for, and what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_process import api_running
from entity_town import READINGS, build_town
from ngsi_ld_broker import CORE_PART, Broker
from pyld import jsonld

from core.clock import format_instant
from services.api.ngsi_ld.contexts import CORE_CONTEXT
from services.api.ngsi_ld.entity_types import ENTITY_TYPES
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
LD = {"accept": "application/ld+json"}
AFTER = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def broker(database_server: DatabaseServer, template: str) -> Iterator[Broker]:
    name = f"entities_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    standing = build_town(url)
    with api_running(url) as api:
        yield Broker(api, str(api.base_url.copy_with(path="/ngsi-ld/v1")), standing)
    database_server.drop(name)


def every_entity(broker: Broker, **parameters: Any) -> list[dict[str, Any]]:
    return [entity for name in ENTITY_TYPES for entity in broker.get("/entities", type=name, **parameters)]


def test_every_type_has_its_entities(broker: Broker) -> None:
    counts = {name: len(broker.get("/entities", type=name)) for name in ENTITY_TYPES}
    assert counts == {
        "AirQualityObserved": 2,
        "IndoorEnvironmentObserved": 1,
        "WasteContainer": 2,
        "ParkingSpot": 4,
        "OnStreetParking": 1,
        "SmartMeteringObservation": 2,
        "ACMeasurement": 1,
        "TrafficFlowObserved": 2,
        "CrowdFlowObserved": 1,
        "Device": 10,
        "Building": 1,
    }


def test_a_measured_property_has_its_unit_its_instant_and_its_quality(broker: Broker) -> None:
    (station,) = broker.get("/entities", type="AirQualityObserved", q='name=="Station"')
    assert station["no2"] == {
        "type": "Property",
        "value": 31.0,
        "unitCode": "GQ",
        "observedAt": format_instant(broker.standing.present),
        "quality": {"type": "Property", "value": "good"},
    }
    assert station["location"]["value"] == {"type": "Point", "coordinates": [2.56, 48.85]}
    assert station["typeofLocation"]["value"] == "outdoor"
    assert station["refDevice"] == {"type": "Relationship", "object": broker.urn("Device", "station-1")}
    for entity in every_entity(broker):
        measured = {one.attribute for one in ENTITY_TYPES[entity["type"]].measured} & entity.keys()
        assert all({"unitCode", "observedAt", "quality"} <= entity[name].keys() for name in measured), entity["id"]


def test_power_is_in_watts_and_an_index_says_what_it_counts(broker: Broker) -> None:
    (meter,) = broker.get("/entities", type="ACMeasurement")
    assert (meter["totalActivePower"]["value"], meter["totalActivePower"]["unitCode"]) == (12_345.0, "WTT")
    assert "phaseType" not in meter
    told = {
        one["meterType"]["value"]: (one["totalConsumption"]["value"], one["totalConsumption"]["unitCode"])
        for one in broker.get("/entities", type="SmartMeteringObservation")
    }
    assert told == {"electricity": (100_000.0, "KWH"), "water": (52.0, "MTQ")}


def test_simulated_values_say_so_whatever_is_asked_for(broker: Broker) -> None:
    told = {one["id"]: one for one in broker.get("/entities", type="WasteContainer", attrs="fillingLevel")}
    assert told[broker.urn("WasteContainer", "borne-1")]["fillingLevel"]["origin"]["value"] == "simulated"
    assert "origin" not in told[broker.urn("WasteContainer", "borne-2")]["fillingLevel"]
    urn = broker.urn("WasteContainer", "borne-1")
    for asked in ({"attrs": "fillingLevel"}, {"pick": "id,type,fillingLevel"}):
        simple = broker.get(f"/entities/{urn}", options="keyValues", **asked)
        assert simple == {"id": urn, "type": "WasteContainer", "origin": "simulated", "fillingLevel": 0.4}
    for form in ({"options": "temporalValues"}, {"options": "aggregatedValues", "aggrMethods": "max"}):
        past = broker.get(f"/temporal/entities/{urn}", attrs="fillingLevel", **AFTER, **form)
        assert past["fillingLevel"]["origin"]["value"] == "simulated"
    whole = broker.get(f"/entities/{urn}", options="keyValues")
    assert (whole["dataProvider"], whole["origin"]) == ("Vigie (simulated)", "simulated")


def test_a_site_without_a_point_has_no_location(broker: Broker) -> None:
    told = broker.get(f"/entities/{broker.urn('WasteContainer', 'borne-2')}")
    assert "location" not in told
    feature = broker.ask_with({"accept": "application/geo+json"}, f"/entities/{told['id']}").json()
    assert (feature["type"], feature["geometry"]) == ("Feature", None)


def test_a_closed_or_silent_bay_is_never_free(broker: Broker) -> None:
    spots = {one["name"]: one["status"] for one in broker.get("/entities", type="ParkingSpot", format="simplified")}
    assert spots == {"Aire 1": "occupied", "Aire 2": "free", "Aire 3": "closed", "Aire 4": "unknown"}
    (parking,) = broker.get("/entities", type="OnStreetParking", options="keyValues")
    assert parking["category"] == ["forLoadUnload"]
    assert [
        parking[f"{name}Number"]
        for name in ("totalSpot", "availableSpot", "occupiedSpot", "outOfServiceSlot", "unknownSpot")
    ] == [4, 1, 1, 1, 1]


def test_pages_follow_each_other_and_are_counted(broker: Broker) -> None:
    seen: list[str] = []
    url, headers = f"{broker.root}/entities?type=Device&limit=4&count=true", httpx.Headers()
    while url:
        answer = broker.api.get(url)
        headers = answer.headers
        seen += [entity["id"] for entity in answer.json()]
        links = {link["rel"]: link["url"] for link in answer.links.values() if link["rel"] in {"next", "prev"}}
        url = str(broker.api.base_url.join(links["next"])) if "next" in links else ""
    assert headers["ngsild-results-count"] == "10"
    assert seen == sorted({broker.urn("Device", name) for name in broker.standing.sensors}, key=number_of)
    counted = broker.ask("/entities", type="Device", limit=0, count="true")
    assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "10")


def number_of(urn: str) -> int:
    return int(urn.rpartition(":")[2])


def test_a_query_filters_by_value_and_by_sub_property(broker: Broker) -> None:
    bins = {"type": "WasteContainer", "format": "simplified"}
    assert [one["name"] for one in broker.get("/entities", q="fillingLevel>0.5", **bins)] == ["Borne sans point"]
    assert [one["name"] for one in broker.get("/entities", q="fillingLevel==0.3..0.5", **bins)] == ["Borne verre"]
    assert broker.get("/entities", q='fillingLevel.quality=="bad"', **bins) == []
    assert [one["name"] for one in broker.get("/entities", q="cargoWeight|fillingLevel<0.5", **bins)] == ["Borne verre"]
    assert [one["name"] for one in broker.get("/entities", q='name~="^Borne .*nt$"', **bins)] == ["Borne sans point"]
    assert len(broker.get("/entities", idPattern=f"^{broker.urn('WasteContainer', 'borne-1')}$", **bins)) == 1
    both = broker.get("/entities", q="temperature<0", attrs="temperature,pm25", options="keyValues")
    assert both == [
        {"id": broker.urn("AirQualityObserved", "station-1"), "type": "AirQualityObserved", "pm25": 9.0}
        | {"temperature": -2.0}
    ]


def test_a_place_filters_by_distance_and_by_polygon(broker: Broker) -> None:
    near = {"georel": "near;maxDistance==300", "geometry": "Point", "coordinates": "[2.552,48.848]"}
    assert [one["name"] for one in broker.get("/entities", type="Device", format="simplified", **near)] == [
        "Salle 2",
        "Compteur",
    ]
    ring = "[[[2.559,48.849],[2.561,48.849],[2.561,48.851],[2.559,48.851],[2.559,48.849]]]"
    within = {"georel": "within", "geometry": "Polygon", "coordinates": ring}
    told = broker.get("/entities", type="WasteContainer", format="simplified", **within)
    assert [one["name"] for one in told] == ["Borne verre"]


def test_the_context_is_in_the_body_or_in_a_link(broker: Broker) -> None:
    plain = broker.ask("/entities", type="Building")
    assert plain.headers["content-type"] == "application/json"
    assert plain.links["http://www.w3.org/ns/json-ld#context"]["url"].endswith("/ngsi-ld/v1/jsonldContexts/vigie-1")
    linked = broker.ask_with(LD, "/entities", type="Building")
    assert linked.headers["content-type"] == "application/ld+json"
    assert linked.json()[0]["@context"][1] == CORE_CONTEXT
    assert broker.ask_with({"accept": "text/html"}, "/entities", type="Building").status_code == 406
    collection = broker.ask_with({"accept": "application/geo+json"}, "/entities", type="Building").json()
    assert (collection["type"], collection["features"][0]["geometry"]["type"]) == ("FeatureCollection", "Point")


def test_json_ld_expands_every_term_to_an_iri(broker: Broker) -> None:
    served = broker.get("/jsonldContexts/vigie-1")

    def load(url: str, _: Any) -> Any:
        document = {"@context": CORE_PART} if url == CORE_CONTEXT else served
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": document}

    seen = set()
    for name in ENTITY_TYPES:
        for entity in broker.ask_with(LD, "/entities", type=name).json():
            (expanded,) = jsonld.expand(entity, {"documentLoader": load})
            seen |= expanded.keys()
            assert len(expanded) == len(entity) - 1, entity["id"]
            assert "default-context" not in str(expanded), entity["id"]
    assert {
        "https://smartdatamodels.org/dataModel.Environment/temperature",
        "https://smartdatamodels.org/dataModel.WasteManagement/temperature",
        "https://uri.etsi.org/ngsi-ld/location",
        "urn:vigie:term:origin",
    } <= seen


def test_history_comes_as_instances_or_as_values(broker: Broker) -> None:
    urn = broker.urn("AirQualityObserved", "salle-2")
    whole = broker.get(f"/temporal/entities/{urn}", attrs="co2", **AFTER)
    assert [one["unitCode"] for one in whole["co2"]] == ["59"] * READINGS
    assert [one["observedAt"] for one in whole["co2"]] == sorted(one["observedAt"] for one in whole["co2"])
    assert "spike" in whole["co2"][-3]["flags"]["value"]
    assert whole["co2"][-3]["quality"]["value"] == "bad"
    values = broker.get(f"/temporal/entities/{urn}", attrs="co2", options="temporalValues", **AFTER)["co2"]
    assert values["unitCode"] == "59"
    assert [value for value, _ in values["values"]] == [812.0] * (READINGS - 1)
    newest = broker.get("/temporal/entities", type="AirQualityObserved", attrs="co2", lastN=2, **AFTER)
    assert [[one["observedAt"] for one in entity["co2"]] for entity in newest] == [
        [whole["co2"][-1]["observedAt"], whole["co2"][-2]["observedAt"]]
    ]


def test_a_window_of_history_is_half_open(broker: Broker) -> None:
    urn, present = broker.urn("WasteContainer", "borne-1"), format_instant(broker.standing.present)
    path = f"/temporal/entities/{urn}"

    def count(**asked: str) -> int:
        return len(broker.get(path, attrs="fillingLevel", **asked).get("fillingLevel", []))

    assert count(timerel="before", timeAt=present) == READINGS - 1
    assert count(timerel="after", timeAt=present) == 1
    assert count(timerel="between", timeAt="2020-01-01T00:00:00Z", endTimeAt=present) == READINGS - 1
    assert broker.get(path, timerel="before", timeAt="2020-01-01T00:00:00Z") == {"id": urn, "type": "WasteContainer"}


def test_history_is_summed_up_from_the_roll_ups(broker: Broker) -> None:
    asked = {**AFTER, "options": "aggregatedValues", "aggrPeriodDuration": "PT1H"}
    spot = broker.urn("ParkingSpot", "aire-1")
    share = broker.get(f"/temporal/entities/{spot}", aggrMethods="avg,max,totalCount", attrs="occupied", **asked)
    assert {value for value, *_ in share["occupied"]["avg"]} == {1.0}
    assert sum(value for value, *_ in share["occupied"]["totalCount"]) == READINGS
    (electricity,) = broker.get(
        "/temporal/entities", aggrMethods="sum", type="SmartMeteringObservation", id=meter(broker), **asked
    )
    # It grows by 1 in ten minutes; of the first hour and of the present one nobody knows the whole.
    sums = [value for value, *_ in electricity["totalConsumption"]["sum"]]
    assert len(sums) >= 3
    assert sums == pytest.approx([6.0] * len(sums))
    starts = [start for _, start, _ in electricity["totalConsumption"]["sum"]]
    assert all(start.endswith(":00:00Z") for start in starts)
    whole = broker.get(
        "/temporal/entities", **{**asked, "aggrPeriodDuration": "P1M"}, aggrMethods="sum", attrs="peopleCount"
    )
    assert sum(value for value, *_ in whole[0]["peopleCount"]["sum"]) == 33.0 * READINGS


def meter(broker: Broker) -> str:
    series_id = broker.standing.series["compteur-1", "electricity_kwh"]
    return f"urn:ngsi-ld:SmartMeteringObservation:vigie:{series_id}"


def test_an_answer_that_is_cut_says_which_part_it_is(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.ngsi_ld.routes.past.INSTANCES_MAX", 20)
    asked = {"type": "ParkingSpot", "attrs": "occupied", **AFTER}
    seen: list[str] = []
    for _ in range(READINGS):
        answer = broker.ask("/temporal/entities", **asked)
        times = [one["observedAt"] for one in answer.json()[0]["occupied"]]
        assert {len(entity["occupied"]) for entity in answer.json()} == {len(times)}
        seen += times if not seen else times[1:]
        if answer.status_code == 200:
            break
        assert answer.status_code == 206
        start, _, rest = answer.headers["content-range"].removeprefix("date-time ").partition("Z-")
        assert (f"{start}Z", rest) == (asked["timeAt"], f"{times[-1]}/*")
        asked["timeAt"] = times[-1]
    assert len(seen) == READINGS
    last = broker.ask("/temporal/entities", **asked | {"timeAt": AFTER["timeAt"], "lastN": 25})
    assert last.status_code == 206
    assert last.headers["content-range"].endswith("/25")


def test_types_and_attributes_are_those_of_which_there_are_entities(broker: Broker) -> None:
    assert broker.get("/types")["typeList"] == list(ENTITY_TYPES)
    details = broker.get("/types/WasteContainer")
    assert details["entityCount"] == 2
    assert {"attributeName": "refDevice", "attributeTypes": ["Relationship"]}.items() <= next(
        one for one in details["attributeDetails"] if one["attributeName"] == "refDevice"
    ).items()
    by_iri = broker.get("/types/https://smartdatamodels.org/dataModel.WasteManagement/WasteContainer")
    assert by_iri == details
    assert "co2" in broker.get("/attributes")["attributeList"]
    assert broker.get("/attributes/co2")["attributeCount"] == 2
    assert {one["typeName"] for one in broker.get("/types", details="true")} == set(ENTITY_TYPES)
    assert {"co2"} <= {one["attributeName"] for one in broker.get("/attributes", details="true")}
    assert broker.ask("/types/Vehicle").status_code == 404
    assert broker.ask("/attributes/colour").status_code == 404


URN = "urn:ngsi-ld:Device:vigie:1"
REFUSED = [
    ("/entities", {}, 400, "BadRequestData", "too wide"),
    ("/entities", {"type": "Device", "limit": 5_000}, 400, "BadRequestData", "limit"),
    ("/entities", {"type": "Device", "idPattern": "(a*)*"}, 400, "BadRequestData", "pattern"),
    ("/entities", {"type": "Device", "csf": "x"}, 422, "OperationNotSupported", "csf"),
    ("/entities", {"type": "Device", "colour": "x"}, 400, "InvalidRequest", "colour"),
    ("/entities", {"attrs": "createdAt"}, 400, "BadRequestData", "too wide"),
    ("/entities", {"attrs": "id,type"}, 400, "BadRequestData", "no attribute"),
    ("/entities", {"type": "Device", "geometryProperty": "location"}, 400, "BadRequestData", "geometryProperty"),
    ("/types/Device", {"details": "true"}, 400, "InvalidRequest", "details"),
    (f"/entities/{URN}", {"pick": "name", "omit": "name"}, 400, "BadRequestData", "name"),
    (f"/entities/{URN}", {"pick": "name", "attrs": "rssi"}, 400, "BadRequestData", "neither"),
    (f"/entities/{URN}", {"pick": "id,,name"}, 400, "BadRequestData", "no name"),
    (f"/entities/{URN}", {"pick": "id,refDevice{name}"}, 400, "BadRequestData", "linked"),
    (f"/entities/{URN}", {"pick": "colour"}, 404, "ResourceNotFound", "Device"),
    (f"/entities/{URN}", {"type": "WasteContainer"}, 404, "ResourceNotFound", "Device"),
    ("/entities", {"type": "Device", "options": "compressed"}, 400, "InvalidRequest", "compressed"),
    ("/entities", {"type": "Device", "q": "rssi>"}, 400, "BadRequestData", "character 6"),
    ("/entities", {"type": "Device", "q": "refDevice{Device:rssi}==1"}, 400, "BadRequestData", "not supported"),
    ("/entities", {"type": "Device", "q": "(" * 9 + "rssi" + ")" * 9}, 403, "TooComplexQuery", "8 deep"),
    ("/entities", {"type": "Device", "georel": "near"}, 400, "BadRequestData", "geometry"),
    ("/entities", {"type": "Device", "geometry": "Point"}, 400, "BadRequestData", "georel"),
    ("/entities/borne", {}, 400, "BadRequestData", "URI"),
    ("/entities/urn:ngsi-ld:Device:vigie:999999", {}, 404, "ResourceNotFound", "999999"),
    ("/entities/urn:ngsi-ld:Vehicle:A4567", {}, 404, "ResourceNotFound", "A4567"),
    (f"/entities/{URN}", {"attrs": "co2"}, 404, "ResourceNotFound", "Device"),
    ("/temporal/entities", {"type": "Device"}, 400, "BadRequestData", "timerel"),
    ("/temporal/entities", {"type": "Device", "timerel": "near", "timeAt": AFTER["timeAt"]}, 400, "BadRequestData", ""),
    ("/temporal/entities", {**AFTER}, 400, "BadRequestData", "too wide"),
    ("/temporal/entities", {"type": "Device", **AFTER, "q": "rssi"}, 422, "OperationNotSupported", "q:"),
    (f"/temporal/entities/{URN}", {**AFTER, "timeproperty": "createdAt"}, 422, "OperationNotSupported", "observedAt"),
    (f"/temporal/entities/{URN}", {"options": "aggregatedValues"}, 400, "BadRequestData", "aggrMethods"),
    (
        f"/temporal/entities/{URN}",
        {"options": "aggregatedValues", "aggrMethods": "stddev"},
        422,
        "OperationNotSupported",
        "stddev",
    ),
    (
        f"/temporal/entities/{URN}",
        {"options": "aggregatedValues", "aggrMethods": "avg", "aggrPeriodDuration": "PT15M"},
        422,
        "OperationNotSupported",
        "PT15M",
    ),
    (
        f"/temporal/entities/{URN}",
        {"options": "aggregatedValues", "aggrMethods": "sum"},
        400,
        "InvalidRequest",
        "has no sum",
    ),
    ("/temporal/entities/urn:ngsi-ld:Building:vigie:1", {**AFTER}, 404, "ResourceNotFound", "Building"),
]


@pytest.mark.parametrize(("path", "asked", "status", "kind", "said"), REFUSED)
def test_what_is_refused_says_why(
    broker: Broker, path: str, asked: dict[str, Any], status: int, kind: str, said: str
) -> None:
    answer = broker.ask(path, **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    body = answer.json()
    assert (body["type"], body["status"]) == (f"https://uri.etsi.org/ngsi-ld/errors/{kind}", status)
    assert said in body["detail"]
    assert "link" not in answer.headers


def test_a_strange_context_and_a_tenant_are_refused(broker: Broker) -> None:
    strange = (
        '<https://example.org/mine.jsonld>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    )
    assert broker.ask_with({"link": strange}, "/entities", type="Device").status_code == 504
    for known in (f"{broker.root}/jsonldContexts/vigie-1", CORE_CONTEXT):
        link = strange.replace("https://example.org/mine.jsonld", known)
        assert broker.ask_with({"link": link}, "/entities", type="Device").status_code == 200
    assert broker.ask_with({"ngsild-tenant": "paris"}, "/entities", type="Device").status_code == 501
    assert broker.api.post(f"{broker.root}/entities", json={}).status_code == 405


def test_an_entity_is_found_by_iris_and_projected(broker: Broker) -> None:
    iri = "https://smartdatamodels.org/dataModel.Environment/"
    (one,) = broker.get("/entities", type=f"{iri}IndoorEnvironmentObserved", attrs=f"{iri}co2", format="simplified")
    assert one["co2"] == 812.0
    urn = broker.urn("Device", "salle-2")
    assert broker.get("/entities", id=f"{urn},urn:x:y", pick="id,rssi", options="keyValues") == [
        {"id": urn, "rssi": -90.0}
    ]
    assert "location" not in broker.get(f"/entities/{urn}", omit="location")
    assert broker.get(f"/entities/{urn}", options="sysAttrs")["createdAt"].endswith("Z")
    concise = broker.get(f"/entities/{urn}", format="concise")
    assert concise["rssi"]["unitCode"] == "DBM"
    assert "type" not in concise["rssi"]
