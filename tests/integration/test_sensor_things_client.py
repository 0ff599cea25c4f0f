"""The SensorThings client of the FROST project, of the Fraunhofer IOSB, reads what Vigie serves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sta_client import Shown, frost
from things_town import COUNT, Town, things_town

from vigie.embedded import DatabaseServer

pytestmark = [
    pytest.mark.integration,
    # The client asks furl, a library, in a way that furl would rather not be asked.
    pytest.mark.filterwarnings("ignore:furl.pathstr is deprecated:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with things_town(database_server, template) as town:
        yield town


@pytest.fixture
def service(town: Town) -> frost.SensorThingsService:
    shown = Shown({"Authorization": town.api.headers["Authorization"]})
    return frost.SensorThingsService(f"{str(town.api.base_url).rstrip('/')}/sensorthings/v1.1", auth_handler=shown)


def test_it_lists_and_finds_every_kind_of_entity(service: frost.SensorThingsService) -> None:
    asked = (
        service.things(),
        service.locations(),
        service.historical_locations(),
        service.datastreams(),
        service.sensors(),
        service.observed_properties(),
        service.observations(),
        service.features_of_interest(),
    )
    for one in asked:
        first, second = one.query().top(2).list().entities
        assert first.id != second.id
        assert one.find(second.id).self_link == second.self_link


def test_it_follows_the_pages_of_observations(service: frost.SensorThingsService, town: Town) -> None:
    asked = service.observations().query().filter(f"Datastream/id eq {town.co2}").top(400)
    found = list(asked.list())
    assert len(found) == len({one.id for one in found}) == COUNT
    times = [one.phenomenon_time for one in found]
    assert times == sorted(times)


def test_it_reads_what_is_expanded(service: frost.SensorThingsService, town: Town) -> None:
    inner = "Datastreams($expand=ObservedProperty,Sensor),Locations"
    (thing,) = service.things().query().filter(f"id eq {town.school}").expand(inner).list().entities
    (place,) = thing.locations.entities
    assert place.location["coordinates"] == [2.5561, 48.8452]
    co2, temperature = thing.datastreams.entities
    assert (co2.observed_property.name, temperature.observed_property.name) == ("Carbon dioxide", "Temperature")
    assert (co2.sensor.id, co2.unit_of_measurement.symbol) == ("milesight-am319", "ppm")


def test_it_orders_counts_and_walks_from_entity_to_entity(service: frost.SensorThingsService, town: Town) -> None:
    stream = service.datastreams().find(town.co2)
    found = (
        stream.get_observations()
        .query()
        .orderby("phenomenonTime", "desc")
        .expand("FeatureOfInterest")
        .top(2)
        .count()
        .list()
    )
    assert found.count == COUNT
    newest, before = found.entities
    assert newest.phenomenon_time > before.phenomenon_time
    assert stream.phenomenon_time.endswith(newest.phenomenon_time)
    assert newest.feature_of_interest.id == town.school
