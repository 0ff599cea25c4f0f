"""Trends of series that are named: what a screen shows of a long list, and never what the pass does not see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from api_process import api_running
from passes import enter, let_in

from core.clock import now
from core.places import Sensor, SensorKind, Site
from core.roles import Grant, Role
from core.store.places import read_series_among, write_series
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor

pytestmark = pytest.mark.integration
COMMUNE = "93051"
Asked = dict[str, str | list[int]]


def series_of(connection: Connection, name: str, site: str) -> int:
    """Return the series of a new sensor of a site."""
    sensor = Sensor(name, SensorKind.INDOOR_AIR, name, Site(COMMUNE, site, site))
    return write_series(connection, adopt_sensor(connection, sensor, now() - timedelta(days=3)), "co2_ppm")


def test_only_series_that_are_there_and_seen_have_a_trend(database_url: str) -> None:
    with connected(database_url) as connection:
        school, hall = series_of(connection, "classe", "école"), series_of(connection, "accueil", "mairie")
        assert [one.series_id for one in read_series_among(connection, [hall, school, 9_999])] == sorted((school, hall))
        row = connection.execute("SELECT site_id FROM site WHERE code = 'école'").fetchone()
        assert row is not None
    with api_running(database_url) as api:
        named: Asked = {"series": [hall, school, hall, 9_999], "step": "PT30M"}
        trends = api.get("/trends", params=named).json()
        assert [item["series_id"] for item in trends["items"]] == sorted((school, hall))
        assert {len(item["values"]) for item in trends["items"]} == {12}
        one_site = let_in(api, enter(database_url, Grant(Role.BUILDING_MANAGER, COMMUNE, row[0])))
        assert [item["series_id"] for item in one_site.get("/trends", params=named).json()["items"]] == [school]
        refused: list[Asked] = [{}, {"commune": COMMUNE, "series": [school]}, {"series": list(range(1, 202))}]
        for asked in refused:
            assert api.get("/trends", params=asked).status_code == 422
