"""Mails about alarms, through a real SMTP server: what, to whom, when, and nothing lost while nobody takes them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_process import SIGNING_KEY, api_running
from closed_broker import certificates
from mail_server import LATER, PASSWORD, REFUSED, USER, Mails, mail_server
from passes import let_in
from pydantic import SecretStr
from structlog.testing import capture_logs

from core.alarms import ActOnAlarm
from core.clock import now
from core.events import Severity
from core.mail_settings import MailSecurity
from core.passes import key_of, new_secret
from core.places import Sensor, SensorKind, Site
from core.roles import Grant, PassKind, Role
from core.settings import WorkerSettings
from core.store.alarms import NewAct, write_acts
from core.store.doors import NewPass, make_pass
from core.store.episodes import NewAlarm, insert_alarms
from core.store.notices import drop_unsent, prune_notices
from core.store.people import add_local_person, write_person_grants
from core.store.places import write_series
from core.store.pool import Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.sensors import declare_sensor, read_sensor
from core.store.subscriptions import Subscription, add_subscription
from services.alarms.mail import sending
from services.jobs.mailing import mailing_of

pytestmark = pytest.mark.integration

COMMUNE, ELSEWHERE = "93051", "93066"
ADDRESS = "technique@ville.example"
PAUSED = "SELECT paused FROM subscription WHERE subscription_id = %s"


@dataclass
class House:
    """A person with roles in a house of alarms, and the worker's pool and settings."""

    url: str
    pool: Pool
    person_id: int
    place: dict[str, int]

    def subscribe(self, address: str = ADDRESS, **wanted: Any) -> int:
        """Subscribe the person; return the subscription's id."""
        plain = Subscription(0, address, None, Severity.WARNING, (), 0, 12, "fr", False, now())
        with connected(self.url) as connection:
            return add_subscription(connection, self.person_id, replace(plain, **wanted))

    def alarm(self, **is_so: Any) -> int:
        """Raise an alarm that nobody was told of; return its id."""
        at = now()
        values: dict[str, Any] = {
            "severity": Severity.WARNING,
            "commune_insee": COMMUNE,
            "site_id": self.place["site_id"],
            "sensor_id": self.place["sensor_id"],
            "series_id": self.place["series_id"],
            "subject": f"sensor:{at.timestamp()}",
            "figures": {"value": 1840.0, "limit": 1500.0},
            "until": None,
            **is_so,
        }
        new = NewAlarm(name="threshold", since=at, confirmed_at=at, raised_at=at, **values)
        with connected(self.url) as connection:
            return insert_alarms(connection, [new])[0]

    def tell(self, alarm_id: int, what: ActOnAlarm = ActOnAlarm.RAISED) -> None:
        """Tell that something happened to an alarm, as evaluation does."""
        with connected(as_login(self.url, Login.WORKER)) as connection:
            write_acts(connection, [NewAct(alarm_id, now(), "vigie", what, told=True)])

    def raised(self, **is_so: Any) -> int:
        """Raise an alarm and tell it; return its id."""
        alarm_id = self.alarm(**is_so)
        self.tell(alarm_id)
        return alarm_id

    def settings(self, port: int, **settings: Any) -> WorkerSettings:
        """Return settings of a worker that sends by a server on this port."""
        plain: dict[str, Any] = {
            "database_url": SecretStr(as_login(self.url, Login.WORKER)),
            "secret": SecretStr(SIGNING_KEY),
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": MailSecurity.NONE,
            "smtp_sender": "vigie@ville.example",
            "smtp_timeout_s": 3,
            "public_url": "https://vigie.ville.example/",
        }
        return WorkerSettings(**plain | settings)

    def send(self, port: int, at: datetime | None = None, **settings: Any) -> int:
        """Send what may leave at an instant, a minute from now without one; return how many mails were taken."""
        mailing = mailing_of(self.settings(port, **settings))
        assert mailing is not None
        return sending.send_due(self.pool, mailing, at or now() + timedelta(minutes=1))

    def asked(self, statement: str, *values: Any) -> Any:
        """Return the first column of the first row, as the owner sees it."""
        with connected(self.url) as connection:
            row = connection.execute(statement, values).fetchone()
        return row[0] if row else None


def as_person(client: httpx.Client, house: House) -> httpx.Client:
    """Return a client of the person's session."""
    secret, at = new_secret(), now()
    grants = (Grant(Role.TECHNICIAN, COMMUNE),)
    new = NewPass(
        PassKind.SESSION, key_of(secret), "Nadia", "test", at, at + timedelta(hours=1), grants, house.person_id
    )
    with connected(house.url) as connection:
        make_pass(connection, new)
    return let_in(client, secret)


@contextmanager
def house_of(url: str, *grants: Grant) -> Iterator[House]:
    """Give a house whose person has these roles."""
    at = now()
    with connected(url) as connection:
        site = Site(COMMUNE, "ecole", "École des Tilleuls")
        sensor_id = declare_sensor(connection, Sensor("salle-12", SensorKind.INDOOR_AIR, "salle 12", site), at)
        sensor = read_sensor(connection, sensor_id)
        assert sensor is not None
        assert sensor.site.site_id is not None
        place = {
            "site_id": sensor.site.site_id,
            "sensor_id": sensor_id,
            "series_id": write_series(connection, sensor_id, "co2_ppm"),
        }
        person_id = add_local_person(connection, "Nadia", at)
        write_person_grants(connection, person_id, (), grants, at)
    with open_pool(as_login(url, Login.WORKER), 2) as pool:
        yield House(url, pool, person_id, place)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with house_of(database_url, Grant(Role.TECHNICIAN, COMMUNE)) as house:
        yield house


def test_what_is_raised_together_goes_in_one_mail_as_text_and_html_with_its_links(house: House) -> None:
    house.subscribe()
    first = house.raised()
    house.raised(severity=Severity.INFO)
    house.raised(commune_insee=ELSEWHERE)
    mails = Mails()
    with mail_server(mails) as port, capture_logs() as lines:
        assert house.send(port, now()) == 0, "it waits for half a minute for more"
        assert (house.send(port), house.send(port)) == (1, 0)
    [(address, mail)] = mails.taken
    assert (address, mail["To"], mail["From"]) == (ADDRESS, ADDRESS, "Vigie <vigie@ville.example>")
    assert mail["Subject"] == "[Vigie] Alarme : CO₂ élevé, salle 12"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    told = text.get_content()
    assert "École des Tilleuls" in told
    assert f"https://vigie.ville.example/supervision?commune=93051&alarm={first}" in told
    assert '<html lang="fr">' in html.get_content()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip().startswith("<https://vigie.ville.example/unsubscribe/")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert ADDRESS not in json.dumps(lines, default=str)


def test_a_digest_gathers_and_the_rate_holds_back_and_nothing_is_lost(house: House) -> None:
    house.subscribe(digest_min=30, mails_per_hour_max=1)
    start = now()
    mails = Mails()
    with mail_server(mails) as port:
        raised = [house.raised() for _ in range(3)]
        house.tell(raised[0], ActOnAlarm.CLEARED)
        assert house.send(port, start + timedelta(minutes=29)) == 0
        assert house.send(port, start + timedelta(minutes=31)) == 1
        house.raised()
        assert house.send(port, start + timedelta(minutes=62)) == 0, "one mail an hour"
        assert house.send(port, start + timedelta(minutes=92)) == 1
    assert [mail["Subject"] for _, mail in mails.taken] == [
        "[Vigie] 2 alarmes, 1 terminée",
        "[Vigie] Alarme : CO₂ élevé, salle 12",
    ]
    assert house.asked("SELECT count(*) FROM notice WHERE sent_at IS NULL") == 0


def test_what_was_never_true_before_it_was_told_is_not_told(house: House) -> None:
    house.subscribe()
    alarm = house.raised()
    house.tell(alarm, ActOnAlarm.WITHDRAWN)
    mails = Mails()
    with mail_server(mails) as port:
        assert house.send(port) == 0
        told = house.raised()
        assert house.send(port) == 1
        house.tell(told, ActOnAlarm.WITHDRAWN)
        assert house.send(port, now() + timedelta(minutes=2)) == 1
    assert mails.taken[-1][1]["Subject"] == "[Vigie] Fausse alerte : CO₂ élevé, salle 12"


def test_outside_of_its_hours_it_waits_for_them(house: House) -> None:
    at = now()
    day = (at + timedelta(days=2)).astimezone(UTC)
    house.subscribe(timetable=((day.weekday(), "08:00", "18:00"),))
    house.raised()
    mails = Mails()
    with mail_server(mails) as port:
        assert house.send(port, at + timedelta(hours=12)) == 0
        assert house.send(port, day.replace(hour=12)) == 1


def test_a_server_that_is_down_loses_nothing_and_is_asked_less_and_less_often(house: House) -> None:
    house.subscribe()
    house.raised()
    mails = Mails()
    with mail_server(mails) as port:
        pass
    start = now() + timedelta(minutes=1)
    assert house.send(port, start) == 0
    assert house.asked("SELECT failure FROM notice").startswith("the server does not take mails")
    with mail_server(mails, port):
        assert house.send(port, start + timedelta(seconds=59)) == 0
        assert house.send(port, start + timedelta(seconds=61)) == 1
    assert house.asked("SELECT tries FROM notice") == 2


def test_a_mail_that_cannot_be_written_stops_no_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "mail_of", lambda *_: int("no number"))
    house.subscribe()
    house.raised()
    assert (house.send(1), house.asked("SELECT failure FROM notice")[-10:]) == (0, "ValueError")


def test_an_address_that_is_refused_is_paused_and_told_as_an_alarm_without_the_address(house: House) -> None:
    refused, later = house.subscribe(REFUSED), house.subscribe(LATER)
    house.subscribe()
    house.raised()
    mails = Mails()
    with mail_server(mails) as port, capture_logs() as lines:
        assert house.send(port) == 1
        assert house.asked(PAUSED, refused)
        assert not house.asked(PAUSED, later)
        # What is full for days is given up, and stays wanted.
        assert house.send(port, now() + timedelta(days=4)) == 0
    assert not house.asked(PAUSED, later)
    assert house.asked("SELECT count(*) FROM notice WHERE given_up_at IS NOT NULL") == 2
    assert house.asked("SELECT count(*) FROM alarm WHERE name = 'mail_given_up'") == 2
    told = house.asked("SELECT string_agg(body::text, ' ') FROM event") + json.dumps(lines, default=str)
    assert "@ville.example" not in told


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
def test_the_server_is_spoken_with_under_tls_and_a_password(
    house: House, tmp_path: Path, security: MailSecurity
) -> None:
    house.subscribe()
    house.raised()
    authority = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    mails = Mails()
    settings = {
        "smtp_security": security,
        "smtp_user": USER,
        "smtp_password": SecretStr(PASSWORD),
        "smtp_ca_file": authority,
    }
    is_later = security is MailSecurity.STARTTLS
    serving = mail_server(mails, starttls=context if is_later else None, tls=None if is_later else context)
    with serving as port, capture_logs() as lines:
        start = now() + timedelta(minutes=1)
        wrong = settings | {"smtp_password": SecretStr("wrong")}
        assert house.send(port, start, **wrong) == 0
        assert house.send(port, start + timedelta(minutes=2), **settings | {"smtp_ca_file": None}) == 0
        assert house.send(port, start + timedelta(minutes=5), **settings) == 1
    assert (mails.tls, mails.users) == ([is_later], [USER, USER])
    assert PASSWORD not in json.dumps(lines, default=str)


def test_what_nobody_can_send_is_settled_and_what_was_told_goes_in_time(house: House) -> None:
    house.subscribe()
    house.raised()
    at = now()
    with connected(as_login(house.url, Login.WORKER)) as connection:
        assert (drop_unsent(connection, at + timedelta(days=2)), drop_unsent(connection, at + timedelta(days=4))) == (
            0,
            1,
        )
        later = at + timedelta(days=4)
        assert prune_notices(connection, later + timedelta(days=89)) == 0
        assert prune_notices(connection, later + timedelta(days=91)) == 1
    assert mailing_of(house.settings(25, smtp_host="")) is None
    assert mailing_of(house.settings(25, secret=SecretStr(""))) is None


def test_a_name_begins_no_header_and_no_line(house: House) -> None:
    house.subscribe()
    with connected(house.url) as connection:
        connection.execute("UPDATE sensor SET name = %s", ("salle\r\nBcc: all@ville.example\r\n\r\n<b>x</b>",))
    house.raised()
    mails = Mails()
    with mail_server(mails) as port:
        assert house.send(port) == 1
    [(address, mail)] = mails.taken
    assert (address, mail["Bcc"]) == (ADDRESS, None)
    assert "salle Bcc: all@ville.example <b>x</b>" in mail["Subject"]
    html = mail.get_body(("html",))
    assert html is not None
    assert "<b>x</b>" not in html.get_content()


@pytest.mark.parametrize(
    "shut",
    ["UPDATE person SET disabled_at = now()", "DELETE FROM person_grant", "UPDATE subscription SET paused = true"],
)
def test_nobody_is_told_of_what_they_may_see_no_longer(house: House, shut: str) -> None:
    house.subscribe()
    house.raised()
    with connected(house.url) as connection:
        connection.execute(shut)
    mails = Mails()
    with mail_server(mails) as port:
        assert house.send(port) == 0
        house.raised()
        assert house.send(port, now() + timedelta(minutes=2)) == 0
    assert house.asked("SELECT count(*) FROM notice WHERE given_up_at IS NULL") == 0


def test_a_manager_of_one_site_hears_of_that_site_only(database_url: str) -> None:
    with house_of(database_url) as house:
        own = Grant(Role.BUILDING_MANAGER, COMMUNE, house.place["site_id"])
        with connected(database_url) as connection:
            write_person_grants(connection, house.person_id, (), [own], now())
            other = Site(COMMUNE, "mairie", "Mairie")
            there = read_sensor(
                connection, declare_sensor(connection, Sensor("mairie-1", SensorKind.METER, "compteur", other), now())
            )
            assert there is not None
        house.subscribe()
        house.raised(site_id=there.site.site_id, sensor_id=there.sensor_id, series_id=None)
        assert house.asked("SELECT count(*) FROM notice") == 0
        house.raised()
        assert house.asked("SELECT count(*) FROM notice") == 1


def test_a_person_subscribes_tests_pauses_and_ends_it_by_the_link(house: House) -> None:
    body = {"address": ADDRESS, "communes": [COMMUNE], "timetable": [[0, "08:00", "18:30"], [4, "22:00", "06:00"]]}
    mails = Mails()
    with api_running(house.url) as client, mail_server(mails) as port:
        assert client.post("/me/subscriptions", json=body).status_code == 409, "a program has no mails"
        person = as_person(client, house)
        made = person.post("/me/subscriptions", json=body)
        assert made.status_code == 201, made.text
        path = f"/me/subscriptions/{made.json()['subscription_id']}"
        for refused, field in (
            ({"address": "a@b"}, "address"),
            ({"address": f"{ADDRESS}\nBcc: x@ville.example"}, "address"),
            ({"timetable": [[7, "08:00", "18:00"]]}, "timetable.0.0"),
            ({"timetable": [[1, "8h", "18:00"]]}, "timetable.0.1"),
        ):
            answer = person.post("/me/subscriptions", json=body | refused)
            assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, field)
        assert person.post(f"{path}/test").json()["waiting"] == 1
        assert house.send(port, now() + timedelta(seconds=1)) == 1, "a test goes at once, at any hour"
        assert person.get("/me/subscriptions").json()["items"][0]["sent_at"] is not None
        assert client.get("/me/subscriptions").json()["items"] == []
        assert client.delete(path).status_code == 404
        link = mails.taken[0][1]["List-Unsubscribe"].strip(" <>").removeprefix("https://vigie.ville.example")
        outside = httpx.Client(base_url=str(client.base_url.copy_with(path="/")))
        with outside:
            assert outside.get(link).status_code == 200
            assert not person.get("/me/subscriptions").json()["items"][0]["paused"], "to look at it ends nothing"
            one_click = outside.post(link, data={"List-Unsubscribe": "One-Click"})
            assert one_click.status_code == 200
            assert outside.post(f"{link}x").status_code == outside.get("/unsubscribe/5").status_code == 410
        assert person.get("/me/subscriptions").json()["items"][0]["paused"]
        assert person.post(f"{path}/test").status_code == 409
        assert person.put(path, json=body | {"digest_min": 60}).json()["digest_min"] == 60
        assert person.delete(path).status_code == 204
    acts = house.asked("SELECT string_agg(what, ' ' ORDER BY number) FROM audit WHERE what LIKE 'subscription%%'")
    assert acts == ("subscription_made subscription_tested subscription_ended subscription_edited subscription_removed")
    assert ADDRESS not in house.asked("SELECT string_agg(coalesce(after::text, '') || target, ' ') FROM audit")
