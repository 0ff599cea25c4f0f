"""SensorThings on a real PostgreSQL: filters, pages and what is refused, by the clauses of OGC 18-088."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from things_town import COUNT, START, TOTAL, Town, things_town

from core.store.pool import Connection, connected
from services.api.sensor_things.conditions import Resolver
from services.api.sensor_things.options import parse_query
from services.api.sensor_things.queries import compose
from services.api.sensor_things.reading import Reader
from services.api.sensor_things.schema import ENTITY_SETS
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with things_town(database_server, template) as town:
        yield town


@pytest.mark.parametrize(
    ("path", "condition", "expected"),
    [
        ("/Datastreams", "unitOfMeasurement/name eq 'degree Celsius'", ["Salle 2, Temperature"]),
        ("/Datastreams", "unitOfMeasurement/name ne 'degree Celsius' and properties/kind ne 'bin'", 3),
        ("/Things", "not startswith(description,'Bac')", 3),
        ("/Things", "substringof('Jaur', name)", ["École Jaurès"]),
        ("/Things", "contains(name,'Jaur')", ["École Jaurès"]),
        ("/Things", "endswith(name,'l''église')", ["Aire de l'église"]),
        ("/Things", "length(name) eq 5", ["Bac 1"]),
        ("/Things", "indexof(name,'RN1') eq 8", ["Station RN1"]),
        ("/Things", "substring(name,8) eq 'RN1'", ["Station RN1"]),
        ("/Things", "substring(name,4,1) eq '1'", ["Bac 1"]),
        ("/Things", "tolower(name) eq 'bac 1' or toupper(name) eq 'STATION RN1'", 2),
        ("/Things", "trim(concat(name,'  ')) eq 'Bac 1'", ["Bac 1"]),
        ("/Things", "properties/commune eq 'Saint-Denis'", ["Station RN1"]),
        ("/Things", "properties/nothing eq null", 4),
        ("/Things", "Datastreams/ObservedProperty/id eq 'co2_ppm'", ["École Jaurès"]),
        ("/Things", "not (Datastreams/ObservedProperty/id eq 'co2_ppm')", 3),
        ("/Things", "id add 1 eq 2 or id mod 2 eq 3 or id mul 1 gt 99 or id div 2 eq 99", 1),
        ("/Datastreams", "Thing/Locations/name eq 'École Jaurès'", 2),
        ("/Datastreams", "properties/interval_s eq 60", 2),
        ("/Datastreams", "Sensor/id eq 'milesight-am319'", 2),
        ("/Sensors", "Datastreams/id eq 1", ["Milesight AM319"]),
        ("/Locations", "location/type eq 'Point' and location/geometry/type eq null", 3),
        ("/Locations", "st_within(location, geography'POLYGON((2.5 48.8,2.6 48.8,2.6 48.9,2.5 48.9,2.5 48.8))')", 2),
        ("/Locations", "geo.intersects(location, geography'Polygon((2.5 48,2.6 48,2.6 49,2.5 49,2.5 48))')", 2),
        ("/Locations", "st_disjoint(location, geography'POLYGON((2.5 48,2.6 48,2.6 49,2.5 49,2.5 48))')", 1),
        ("/Locations", "geo.distance(location, geography'POINT(2.3587 48.9331)') lt 0.001", ["Station RN1"]),
        ("/Locations", "st_equals(location, geography'POINT(2.3587 48.9331)')", ["Station RN1"]),
        ("/Things", "geo.distance(Locations/location, geography'POINT(2.3587 48.9331)') gt 0.1", 2),
        ("/HistoricalLocations", "time lt 2026-03-02T09:00:00Z", 2),
        ("/HistoricalLocations", "year(time) eq 2026 and date(time) eq 2026-03-02 and time(time) eq 08:00:00", 2),
        ("/FeaturesOfInterest", "st_within(feature, geography'POLYGON((2 48,3 48,3 49,2 49,2 48))')", 3),
        ("/FeaturesOfInterest", "feature/geometry eq null and feature/type eq 'Feature'", ["Bac 1"]),
    ],
)
def test_filters(town: Town, path: str, condition: str, expected: list[str] | int) -> None:
    """9.3.3.5: tables 22 and 23."""
    found = town.get(path, filter=condition, count="true")
    names = [item.get("name") for item in found["value"]]
    assert found["@iot.count"] == len(names)
    assert (names == expected) if isinstance(expected, list) else (len(names) == expected)


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("result ge 5000", 1),
        ("result sub 5 gt 4990 and result mul 2 lt 20000", 1),
        ("result mod 2 eq 1 and phenomenonTime lt 2026-03-02T08:10:00Z", 4),
        ("round(result div 1000) eq 5", 1),
        ("floor(result) eq 404 or ceiling(result) eq 404", 2),
        ("hour(phenomenonTime) eq 8 and minute(phenomenonTime) eq 0", 2),
        ("day(phenomenonTime) eq 3 and month(phenomenonTime) eq 3 and second(phenomenonTime) eq 0", 540),
        ("fractionalseconds(phenomenonTime) gt 0", 0),
        ("totaloffsetminutes(phenomenonTime) eq 60", 0),
        ("date(phenomenonTime) eq 2026-03-02", 960),
        ("resultTime le now() and resultTime gt mindatetime() and resultTime lt maxdatetime()", COUNT),
        ("phenomenonTime gt 2026-03-02T10:00:00+01:00 and phenomenonTime le 2026-03-02T09:02:00Z", 2),
        ("resultTime sub phenomenonTime gt duration'P2D'", 0),
        ("FeatureOfInterest/id eq 1", 500),
        ("FeatureOfInterest/name eq 'Station RN1' and Datastream/ObservedProperty/name eq 'Carbon dioxide'", 500),
        ("result gt 20 or Datastream/id eq 3", COUNT),
    ],
)
def test_filters_of_observations(town: Town, condition: str, count: int) -> None:
    found = town.get(f"/Datastreams({town.co2})/Observations", filter=condition, count="true", top="1000")
    assert found["@iot.count"] == count
    assert len(found["value"]) == min(count, 1000)


def test_results_that_are_true(town: Town) -> None:
    assert len(town.ids(f"/Datastreams({town.occupied})/Observations", filter="result eq true")) == 2


def pages(town: Town, path: str, **options: str) -> list[list[Any]]:
    """Return the ids of all pages, from link to link."""
    page = town.get(path, **options)
    found = [[item["@iot.id"] for item in page["value"]]]
    while "@iot.nextLink" in page:
        page = town.follow(page["@iot.nextLink"])
        found.append([item["@iot.id"] for item in page["value"]])
    return found


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, TOTAL),
        ({"orderby": "phenomenonTime"}, TOTAL),
        ({"orderby": "phenomenonTime desc"}, TOTAL),
        ({"filter": "Datastream/id eq 1", "orderby": "result desc"}, COUNT),
        ({"filter": "Datastream/id eq 1 and result lt 500"}, 199),
        ({"filter": "FeatureOfInterest/id eq 1", "skip": "100"}, 400),
    ],
)
def test_pages_hold_every_observation_once_and_in_order(town: Town, options: dict[str, str], length: int) -> None:
    """9.3.3.6: following the links ends, and loses and doubles nothing."""
    found = pages(town, "/Observations", top="400", **options)
    assert [len(page) for page in found[:-1]] == [400] * (len(found) - 1)
    ids = [one for page in found for one in page]
    assert len(ids) == len(set(ids)) == length
    if options.get("orderby", "").startswith("phenomenonTime"):
        times = [int(one.partition("-")[2]) for one in ids]
        assert times == sorted(times, reverse="desc" in options["orderby"])


def test_pages_of_entities(town: Town) -> None:
    assert [len(page) for page in pages(town, "/ObservedProperties", top="10")] == [10, 10, 10, 5]
    assert "@iot.nextLink" not in town.get("/Things", top="4")
    assert town.get("/Things", top="0", count="true") == {"@iot.count": 4, "value": []}


def test_observations_as_arrays(town: Town) -> None:
    """13.1: Example of getting Observations in dataArray format."""
    found = town.get("/Observations", resultFormat="dataArray", filter="phenomenonTime lt 2026-03-02T08:02:00Z")
    co2, occupied, _ = found["value"]
    assert co2["Datastream@iot.navigationLink"].endswith(f"/Datastreams({town.co2})")
    assert co2["components"] == ["id", "phenomenonTime", "resultTime", "result", "resultQuality", "parameters"]
    assert (co2["dataArray@iot.count"], len(co2["dataArray"])) == (2, 2)
    assert [row[3] for row in occupied["dataArray"]] == [False, True]
    path = f"/Datastreams({town.co2})/Observations"
    chosen = town.get(path, resultFormat="dataArray", select="result,phenomenonTime", top="1")
    assert chosen["value"][0]["components"] == ["result", "phenomenonTime"]
    assert chosen["value"][0]["dataArray"] == [[400.0, "2026-03-02T08:00:00Z"]]
    following = town.follow(chosen["@iot.nextLink"])
    assert following["value"][0]["dataArray"] == [[401.0, "2026-03-02T08:01:00Z"]]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/Observations", {"filter": "result gt 5"}, 400),
        ("/Observations", {"orderby": "result"}, 400),
        ("/Observations", {"count": "true"}, 400),
        ("/Datastreams", {"expand": "Observations($filter=result gt 5)"}, 400),
        ("/Things", {"filter": "Datastreams/Observations/result gt 5"}, 501),
        ("/Things", {"resultFormat": "CSV"}, 501),
        ("/Things", {"search": "x"}, 501),
        ("/Things(1)", {"top": "5"}, 400),
        ("/Things", {"filter": "substring(name, 1, -5) eq 'a'"}, 400),
        ("/Things", {"filter": "id mul 9223372036854775807 gt 5 or id mul 9223372036854775806 gt 5"}, 400),
        ("/Observations", {"skiptoken": "nothing"}, 400),
    ],
)
def test_what_would_read_everything_or_is_not_built_is_refused(
    town: Town, path: str, options: dict[str, str], status: int
) -> None:
    found, said = town.refused(path, **options)
    assert found == status
    assert said


def test_a_refusal_of_the_history_says_the_way_out(town: Town) -> None:
    _, said = town.refused("/Observations", filter="result gt 5")
    assert "Datastreams(id)/Observations" in said
    window = "phenomenonTime ge 2026-03-02T00:00:00Z and phenomenonTime lt 2026-03-03T00:00:00Z"
    assert town.get("/Observations", filter=f"result gt 4999 and {window}", count="true")["@iot.count"] == 1


class Counted:
    """A connection that counts its statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self.statements = connection, 0

    def execute(self, *arguments: Any) -> Any:
        """Pass it on."""
        self.statements += 1
        return self._connection.execute(*arguments)

    def cursor(self, **options: Any) -> Any:
        """Give a cursor, for one statement."""
        self.statements += 1
        return self._connection.cursor(**options)


def test_expansion_takes_as_many_statements_for_one_entity_as_for_all(town: Town) -> None:
    query = "$expand=Locations,Datastreams($expand=Observations($top=2),ObservedProperty,Sensor)&$top="
    told = []
    for top in (1, 4):
        options = parse_query(f"{query}{top}&$orderby=id desc", ENTITY_SETS["Things"])
        with connected(town.url) as connection:
            counted = Counted(connection)
            reader = Reader(cast("Connection", counted))
            found = reader.page(compose(options, ENTITY_SETS["Things"], Resolver(START)))
            told.append((len(found.entities), counted.statements))
    # Things, Locations, Datastreams, their two others; of Observations the series, themselves, and their frames.
    assert told == [(1, 8), (4, 8)]


@pytest.mark.parametrize(("method", "path"), [("POST", "/Things"), ("PATCH", "/Things(1)"), ("DELETE", "/Things(1)")])
def test_writing_is_refused(town: Town, method: str, path: str) -> None:
    answer = town.api.request(method, f"/sensorthings/v1.1{path}", json={})
    assert answer.status_code == 405
    assert town.api.post("/sensorthings/v1.1/$batch", json={}).status_code == 501


def test_a_parameter_that_is_no_option_is_refused(town: Town) -> None:
    assert town.api.get("/sensorthings/v1.1/Things?top=5").status_code == 400
