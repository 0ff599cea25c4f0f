"""The live feed on a real PostgreSQL and a real connection: nothing lost, nothing doubled, through every break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from api_process import api_running

from core.clock import now
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.store import batches, live, places, sensors
from core.store.pool import connected
from services.api.live_hub import FEED_EVENTS_MAX

pytestmark = pytest.mark.integration
HERE, THERE = "93051", "75056"


@dataclass
class Sent:
    """One event as it came over the wire."""

    event: str
    event_id: int
    values: list[float]


def events_of(answer: httpx.Response) -> Iterator[Sent]:
    """Parse the events of a stream as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            items = json.loads(fields["data"])["items"]
            yield Sent(fields["event"], int(fields["id"]), [item["value"] for item in items])
            fields = {}


class Feeder:
    """Writes readings, each one live event with the next whole number as its value."""

    def __init__(self, url: str) -> None:
        self.url, self.written = url, 0
        self.start: datetime = now() - timedelta(days=1)
        with connected(url) as connection:
            self.series = {insee: self._series(connection, insee) for insee in (HERE, THERE)}

    @staticmethod
    def _series(connection: psycopg.Connection, insee: str) -> int:
        sensor = Sensor(f"m-{insee}", SensorKind.METER, "Compteur", Site(insee, "mairie", "Mairie"))
        return places.write_series(connection, sensors.adopt_sensor(connection, sensor, now()), "power_kw")

    def write(self, count: int, commune: str = HERE) -> None:
        """Write so many readings of a commune, one commit each."""
        with connected(self.url) as connection:
            for _ in range(count):
                at = self.start + timedelta(seconds=self.written)
                reading = Reading(self.series[commune], at, float(self.written))
                batches.write_batch(connection, Batch(now(), [reading], [Message("t", b"", now(), 0)]))
                connection.commit()
                self.written += 1


@pytest.fixture
def feeder(database_url: str) -> Feeder:
    return Feeder(database_url)


@pytest.fixture
def api(feeder: Feeder) -> Iterator[httpx.Client]:
    with api_running(feeder.url, live_clients_max=2) as client:
        # The process lives before its listener has reached the database.
        wait_for_a_place(client)
        yield client


def wait_for_a_place(client: httpx.Client) -> None:
    """Wait until a feed can be opened."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with client.stream("GET", "/live") as answer:
            if answer.status_code == 200:
                return
        time.sleep(0.02)
    pytest.fail("no feed could be opened within 10 s")


def take(events: Iterator[Sent], count: int) -> list[Sent]:
    """Return the next so many events."""
    return [next(events) for _ in range(count)]


def values_of(events: list[Sent]) -> list[float]:
    return [value for event in events for value in event.values]


def test_a_feed_is_greeted_and_gets_its_commune_only(api: httpx.Client, feeder: Feeder) -> None:
    with api.stream("GET", "/live", params={"commune": HERE}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer)
        assert next(events).event == "ready"
        feeder.write(1, THERE)
        feeder.write(2, HERE)
        got = take(events, 2)
    assert [event.event for event in got] == ["readings", "readings"]
    assert values_of(got) == [1.0, 2.0]


@pytest.mark.parametrize("by_header", [True, False])
def test_a_broken_feed_resumes_with_nothing_lost_or_doubled(
    api: httpx.Client, feeder: Feeder, *, by_header: bool
) -> None:
    with api.stream("GET", "/live", params={"commune": HERE}) as answer:
        events = events_of(answer)
        next(events)
        feeder.write(5)
        got = take(events, 3)
    # Two were on their way when the connection broke; more come while nobody listens, and after.
    feeder.write(20, THERE)
    feeder.write(600)
    last = str(got[-1].event_id)
    headers, parameters = ({"last-event-id": last}, {}) if by_header else ({}, {"last_event_id": last})
    with api.stream("GET", "/live", params={"commune": HERE} | parameters, headers=headers) as answer:
        events = events_of(answer)
        got += take(events, 602)
        feeder.write(2)
        got += take(events, 2)
    assert values_of(got) == [float(k) for k in [*range(5), *range(25, 627)]]
    assert [event.event_id for event in got] == sorted({event.event_id for event in got})


def test_a_lost_database_connection_loses_nothing(api: httpx.Client, feeder: Feeder) -> None:
    with api.stream("GET", "/live") as answer:
        events = events_of(answer)
        next(events)
        feeder.write(1)
        got = take(events, 1)
        with connected(feeder.url) as connection:
            killed = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        assert killed
        feeder.write(3)
        got += take(events, 3)
    assert values_of(got) == [0.0, 1.0, 2.0, 3.0]


def test_a_feed_does_not_outlive_a_grant_that_was_taken_while_nobody_listened(
    api: httpx.Client, feeder: Feeder
) -> None:
    with api.stream("GET", "/live") as answer:
        events = events_of(answer)
        next(events)
        with connected(feeder.url) as connection:
            connection.execute("UPDATE pass_grant SET commune_insee = %s", (THERE,))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        feeder.write(1)
        assert list(events) == []


def test_what_is_no_longer_kept_is_a_reset(api: httpx.Client, feeder: Feeder) -> None:
    feeder.write(3)
    with connected(feeder.url) as connection:
        live.prune_live(connection, now() + 2 * live.LIVE_KEPT)
    feeder.write(2)
    with api.stream("GET", "/live", headers={"last-event-id": "1"}) as answer:
        events = events_of(answer)
        reset = next(events)
        feeder.write(1)
        got = [next(events)]
        # Events that were committed just before may still come: they follow the reset too.
        while got[-1].values != [5.0]:
            got.append(next(events))
    assert (reset.event, reset.values) == ("reset", [])
    assert all(event.event_id > reset.event_id for event in got)


def test_an_id_of_another_database_is_a_reset(api: httpx.Client) -> None:
    with api.stream("GET", "/live", params={"last_event_id": 987_654}) as answer:
        assert next(events_of(answer)).event == "reset"


def test_a_client_that_takes_nothing_holds_up_nobody_and_resumes(api: httpx.Client, feeder: Feeder) -> None:
    # Larger together than what the sockets between hold: the slow feed's queue fills up.
    body = [{"value": 0.0, "padding": "x" * 60_000}]
    count = FEED_EVENTS_MAX + 200
    with api.stream("GET", "/live") as slow, api.stream("GET", "/live") as quick:
        slow_events, quick_events = events_of(slow), events_of(quick)
        began = next(slow_events)
        next(quick_events)
        with connected(feeder.url) as connection:
            for _ in range(count):
                live.write_live_forecasts(connection, now(), {HERE: body})
                connection.commit()
                assert next(quick_events).values == [0.0]
        # It is sent what was on its way, then its stream ends before all came.
        got = list(slow_events)
    assert 0 < len(got) < count
    with api.stream("GET", "/live", params={"last_event_id": got[-1].event_id}) as resumed:
        got += take(events_of(resumed), count - len(got))
    assert [event.event_id for event in got] == list(range(began.event_id + 1, began.event_id + 1 + count))


def test_no_more_feeds_than_allowed_and_a_closed_one_makes_room(api: httpx.Client) -> None:
    with api.stream("GET", "/live") as first, api.stream("GET", "/live") as second:
        assert (first.status_code, second.status_code) == (200, 200)
        refused = api.get("/live")
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_live_clients")
        assert refused.headers["retry-after"]
    wait_for_a_place(api)
