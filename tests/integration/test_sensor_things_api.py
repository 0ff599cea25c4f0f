"""SensorThings on a real PostgreSQL: entities, paths and expansions, by the clauses of OGC 18-088."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from things_town import CALIBRATED, COUNT, MINUTE, MOVED, START, Town, things_town

from core.clock import format_instant
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with things_town(database_server, template) as town:
        yield town


def test_the_service_root_names_the_sets_and_what_is_met(town: Town) -> None:
    """9.2.1: Usage 1, no resource path."""
    root = town.get("")
    assert [one["name"] for one in root["value"]] == [
        "Things",
        "Locations",
        "HistoricalLocations",
        "Datastreams",
        "Sensors",
        "ObservedProperties",
        "Observations",
        "FeaturesOfInterest",
    ]
    conformance = root["serverSettings"]["conformance"]
    assert "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/filter" in conformance
    assert not [one for one in conformance if "create" in one or "mqtt" in one or "batch" in one]
    for one in root["value"]:
        assert town.follow(one["url"])["value"]


def test_entities_have_what_clause_8_makes_mandatory(town: Town) -> None:
    """8.2: the tables of each entity's properties, and every navigation link leads somewhere."""
    mandatory = {
        "Things": {"name", "description"},
        "Locations": {"name", "description", "encodingType", "location"},
        "HistoricalLocations": {"time"},
        "Datastreams": {"name", "description", "unitOfMeasurement", "observationType"},
        "Sensors": {"name", "description", "encodingType", "metadata"},
        "ObservedProperties": {"name", "definition", "description"},
        "Observations": {"phenomenonTime", "result", "resultTime"},
        "FeaturesOfInterest": {"name", "description", "encodingType", "feature"},
    }
    for name, properties in mandatory.items():
        for item in town.get(f"/{name}", top="3")["value"]:
            assert properties | {"@iot.id", "@iot.selfLink"} <= set(item)
            assert town.follow(item["@iot.selfLink"]) == item
            for link in [url for key, url in item.items() if key.endswith("@iot.navigationLink")]:
                town.follow(link)


def test_a_datastream_is_a_series(town: Town) -> None:
    found = town.get(f"/Datastreams({town.co2})", expand="Thing,Sensor,ObservedProperty")
    assert found["name"] == "Salle 2, Carbon dioxide"
    assert found["unitOfMeasurement"] == {
        "name": "parts per million",
        "symbol": "ppm",
        "definition": "ucum:%5Bppm%5D",
    }
    assert found["phenomenonTime"] == f"{format_instant(START)}/{format_instant(START + (COUNT - 1) * MINUTE)}"
    assert found["properties"]["external_id"] == "salle-2"
    assert found["Thing"]["name"] == "École Jaurès"
    assert found["Sensor"]["@iot.id"] == "milesight-am319"
    assert found["Sensor"]["name"] == "Milesight AM319"
    assert found["ObservedProperty"]["definition"].endswith("/aq/pollutant/71")
    bare = town.get(f"/Datastreams({town.occupied})")
    assert bare["unitOfMeasurement"] == {"name": None, "symbol": None, "definition": None}


def test_what_is_simulated_says_so(town: Town) -> None:
    (found,) = town.get("/Datastreams", filter="properties/simulated eq true")["value"]
    assert found["properties"]["origin"] == "simulated"
    assert found["description"].endswith("(simulated)")
    assert "phenomenonTime" not in found
    (thing,) = town.get("/Things", filter="Datastreams/properties/simulated")["value"]
    assert thing["properties"]["origins"] == ["simulated"]


def test_an_observation_is_a_reading(town: Town) -> None:
    first, *_ = town.get(f"/Datastreams({town.co2})/Observations", skip="7", top="1")["value"]
    assert (first["phenomenonTime"], first["resultTime"]) == ("2026-03-02T08:07:00Z", "2026-03-04T08:00:00Z")
    assert (first["result"], first["resultQuality"]) == (5_000.0, {"quality": "bad", "flags": ["spike"]})
    values = town.get(f"/Datastreams({town.occupied})/Observations", select="result")["value"]
    assert values == [{"result": False}, {"result": True}, {"result": False}, {"result": True}]


def test_a_calibrated_result_says_how(town: Town) -> None:
    last, *_ = town.get(f"/Datastreams({town.co2})/Observations", orderby="phenomenonTime desc", top="1")["value"]
    raw = 400.0 + (COUNT - 1) % 700
    assert last["result"] == raw * 2 + 1
    calibration = {"gain": 2.0, "shift": 1.0, "validFrom": format_instant(CALIBRATED)}
    assert last["parameters"] == {"rawResult": raw, "calibration": calibration}


def test_a_frame_that_brought_it_is_named(town: Town) -> None:
    first, second = town.get(f"/Datastreams({town.co2})/Observations", top="2")["value"]
    assert first["parameters"] == {"fCnt": 7, "arrival": "live"}
    assert "parameters" not in second


def test_the_feature_of_interest_is_where_the_sensor_stood_then(town: Town) -> None:
    path = f"/Datastreams({town.co2})/Observations"
    before, after = (
        town.get(path, top="1", expand="FeatureOfInterest", filter=f"phenomenonTime {operator} {format_instant(MOVED)}")
        for operator in ("lt", "ge")
    )
    assert [page["value"][0]["FeatureOfInterest"]["name"] for page in (before, after)] == [
        "Station RN1",
        "École Jaurès",
    ]
    counts = [
        town.get(f"/FeaturesOfInterest({site})/Observations", count="true", top="0")["@iot.count"]
        for site in (town.station, town.school)
    ]
    assert counts == [500, COUNT - 500]
    stays = town.get(f"/Things({town.station})/HistoricalLocations", expand="Locations")["value"]
    assert [(one["time"], one["Locations"][0]["@iot.id"]) for one in stays] == [(format_instant(START), town.station)]


def test_properties_and_their_values(town: Town) -> None:
    """9.2.2: usages 4 and 5."""
    path = f"/Things({town.school})"
    assert town.get(f"{path}/name") == {"name": "École Jaurès"}
    answer = town.ask(f"{path}/name/$value")
    assert (answer.text, answer.headers["content-type"]) == ("École Jaurès", "text/plain; charset=utf-8")
    assert town.get(f"{path}/properties/commune_insee") == {"commune_insee": "93051"}
    assert town.ask(f"/Datastreams({town.co2})/Thing/properties/code/$value").text == "ecole"
    assert town.ask(f"/Datastreams({town.co2})/phenomenonTime/$value").text.startswith("2026-03-02T08:00:00Z/")
    nothing = town.ask(f"/Datastreams({town.co2 + 1})/phenomenonTime")
    assert (nothing.status_code, nothing.text) == (204, "")
    assert town.refused(f"{path}/properties/nothing")[0] == 404


def test_links_and_references(town: Town) -> None:
    """9.2.2: usages 6, 7 and 8."""
    path = f"/Things({town.school})/Datastreams"
    assert town.ids(path) == [town.co2, town.co2 + 1]
    links = town.get(f"{path}/$ref")["value"]
    assert [list(one) for one in links] == [["@iot.selfLink"]] * 2
    assert town.follow(links[0]["@iot.selfLink"])["@iot.id"] == town.co2
    first = town.ids(f"/Datastreams({town.co2})/Observations", top="1")[0]
    nested = f"/Datastreams({town.co2})/Observations('{first}')"
    assert town.get(f"{nested}/resultTime") == {"resultTime": "2026-03-04T08:00:00Z"}
    assert town.get(f"{nested}/FeatureOfInterest")["@iot.id"] == town.station
    assert town.get(f"{nested}/Datastream/Thing/Locations")["value"][0]["@iot.id"] == town.school


@pytest.mark.parametrize(
    "path",
    [
        "/Things(999)",
        "/Things(999)/Datastreams",
        "/Things(1)/Locations(2)",
        "/Sensors('nothing')",
        "/Observations('1-1')",
        "/Observations('nothing')",
        "/Observations('1-1')/Datastream",
        "/Tasks",
    ],
)
def test_what_is_not_there_is_404(town: Town, path: str) -> None:
    assert town.refused(path)[0] == 404


def test_expansion_nests_with_its_own_options(town: Town) -> None:
    """9.3.2.1, and no statement per entity: the whole town in one answer."""
    inner = (
        "Observations($top=2;$orderby=phenomenonTime desc;$select=result;$count=true),ObservedProperty($select=name)"
    )
    things = town.get(
        "/Things",
        expand=f"Datastreams($orderby=id desc;$filter=id lt 3;$expand={inner}),Locations",
        orderby="name desc",
    )
    names = [thing["name"] for thing in things["value"]]
    assert names == ["École Jaurès", "Station RN1", "Bac 1", "Aire de l'église"] or sorted(names, reverse=True) == names
    school = next(thing for thing in things["value"] if thing["@iot.id"] == town.school)
    temperature, co2 = school["Datastreams"]
    assert temperature["Observations"] == []
    assert temperature["Observations@iot.count"] == 0
    assert co2["ObservedProperty"] == {"name": "Carbon dioxide"}
    assert co2["Observations@iot.count"] == COUNT
    assert len(co2["Observations"]) == 2
    following = town.follow(co2["Observations@iot.nextLink"])
    assert [list(one) for one in following["value"]] == [["result"]] * 2
    bin_ = next(thing for thing in things["value"] if thing["name"] == "Bac 1")
    assert bin_["Locations"] == []


def test_places_expand_to_what_was_observed_there(town: Town) -> None:
    recent = "phenomenonTime ge 2026-01-01T00:00:00Z"
    found = town.get(
        "/FeaturesOfInterest", expand=f"Observations($top=3;$orderby=phenomenonTime desc;$count=true;$filter={recent})"
    )
    told = {one["@iot.id"]: one for one in found["value"]}
    station, school = told[town.station], told[town.school]
    assert (station["Observations@iot.count"], school["Observations@iot.count"]) == (500, COUNT - 500)
    assert station["Observations"][0]["phenomenonTime"] == format_instant(MOVED - MINUTE)
    assert len(school["Observations"]) == 3


def test_select_gives_what_is_named_only(town: Town) -> None:
    """9.3.2.2."""
    path = f"/Datastreams({town.co2})"
    assert town.get(path, select="id,name") == {"@iot.id": town.co2, "name": "Salle 2, Carbon dioxide"}
    assert list(town.get(path, select="id", expand="Observations/FeatureOfInterest")) == [
        "@iot.id",
        "Observations@iot.nextLink",
        "Observations",
    ]
    assert list(town.get(path, select="Thing")) == ["Thing@iot.navigationLink"]
