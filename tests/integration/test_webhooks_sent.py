"""Webhooks on a real database and a real receiver: signed, in order, at least once, and given up at last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from conftest import ROOT
from prometheus_client import REGISTRY
from pydantic import SecretStr
from receiver import Heard, receiving
from standardwebhooks.webhooks import Webhook as Peer
from standardwebhooks.webhooks import WebhookVerificationError
from starlette.responses import Response
from webhooking import COMMUNE, ELSEWHERE, SEALED_UNDER, asked, briskly, flood, listen, settings_of, wait_until

from core.clock import now
from core.events import Event, EventName, PlatformAlarm, Severity
from core.store.events import end_alarm, raise_alarm, write_event
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.webhooks import read_webhook, write_secret
from services.webhooks.sealing import Sealing
from services.webhooks.sending import sending_webhooks
from services.webhooks.signing import new_signing_secret

pytestmark = pytest.mark.integration


def subjects(heard: list[Heard]) -> list[str]:
    return [json.loads(one.body)["data"]["subject"].removeprefix("sensor:") for one in heard]


def test_an_event_is_sent_as_the_standard_says(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, briskly(monkeypatch):
        webhook_id, secret = listen(database_url, receiver)
        with sending_webhooks(settings_of(database_url, receiver)):
            flood(database_url, "bin-1")
            [heard] = receiver.wait_for(1)
            wait_until(lambda: asked(database_url, "SELECT true FROM delivery WHERE state = 'taken' AND status = 200"))
        told = Peer(secret).verify(heard.body, heard.headers)
        assert told["type"] == "alarm.sensor_flooded"
        assert told["commune_insee"] == COMMUNE
        assert told["id"] == heard.message_id
        assert told["data"]["subject"] == "sensor:bin-1"
        assert told["data"]["until"] is None
        assert heard.headers["content-type"] == "application/json"
        for wrong in (new_signing_secret(), new_signing_secret()):
            with pytest.raises(WebhookVerificationError):
                Peer(wrong).verify(heard.body, heard.headers)
        with pytest.raises(WebhookVerificationError):
            Peer(secret).verify(heard.body.replace(b"bin-1", b"bin-2"), heard.headers)
        with connected(database_url) as connection:
            webhook = read_webhook(connection, webhook_id)
        assert webhook is not None
        assert webhook.succeeded_at is not None
        # The broker hears the very same.
        topic = f"vigie/out/v1/{COMMUNE}/alarm/sensor_flooded"
        assert asked(database_url, "SELECT payload FROM outbox WHERE topic = %s", topic) == told


def test_no_secret_stands_in_the_database(database_url: str) -> None:
    with receiving() as receiver:
        webhook_id, secret = listen(database_url, receiver)
    kept = bytes(asked(database_url, "SELECT sealed FROM webhook WHERE webhook_id = %s", webhook_id))
    assert secret.encode() not in kept
    assert Sealing(["another", SEALED_UNDER]).unseal(kept) == secret


def test_after_a_rotation_both_secrets_are_good_for_a_day(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, briskly(monkeypatch):
        webhook_id, old = listen(database_url, receiver)
        new = new_signing_secret()
        with connected(database_url) as connection:
            write_secret(connection, webhook_id, Sealing([SEALED_UNDER]).seal(new), now() + timedelta(hours=24))
        with sending_webhooks(settings_of(database_url, receiver)):
            flood(database_url, "bin-1")
            [both] = receiver.wait_for(1)
            asked(database_url, "UPDATE webhook SET before_until = now() - interval '1 s' RETURNING true")
            flood(database_url, "bin-2")
            only_new = receiver.wait_for(2)[1]
    assert Peer(old).verify(both.body, both.headers) == Peer(new).verify(both.body, both.headers)
    assert Peer(new).verify(only_new.body, only_new.headers)["data"]["subject"] == "sensor:bin-2"
    with pytest.raises(WebhookVerificationError):
        Peer(old).verify(only_new.body, only_new.headers)


def test_while_a_receiver_is_down_all_wait_in_their_order(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        port = receiver.port
    names = [f"bin-{number}" for number in range(6)]
    with briskly(monkeypatch):
        listen(database_url, receiver)
        with sending_webhooks(settings_of(database_url, receiver)):
            flood(database_url, *names)
            wait_until(lambda: asked(database_url, "SELECT failures >= 2 FROM webhook"))
            wait_until(lambda: REGISTRY.get_sample_value("vigie_webhook_events_waiting") == len(names))
            tried = "SELECT count(*) FROM delivery WHERE tries > 0"
            assert asked(database_url, tried) == 1
            with receiving(port=port) as again:
                assert subjects(again.wait_for(6)) == names
                wait_until(lambda: asked(database_url, "SELECT failures = 0 FROM webhook"))


def test_what_is_refused_lets_the_others_pass(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = 2

    def answers(heard: Heard) -> Response | float:
        nonlocal refused
        if b"sensor:poison" in heard.body and refused:
            refused -= 1
            return Response("x" * 5_000, 500)
        return Response()

    with receiving(answers=answers) as receiver, briskly(monkeypatch):
        monkeypatch.setattr("services.webhooks.settling.WAIT_FIRST", timedelta(seconds=1))
        monkeypatch.setattr("services.webhooks.settling.WAIT_MAX", timedelta(seconds=1))
        listen(database_url, receiver)
        flood(database_url, "poison", "bin-1", "bin-2")
        with sending_webhooks(settings_of(database_url, receiver)):
            assert subjects(receiver.wait_for(5)) == ["poison", "bin-1", "bin-2", "poison", "poison"]
            wait_until(
                lambda: asked(database_url, "SELECT tries = 3 FROM delivery WHERE state = 'taken' AND tries > 1")
            )
    ids = [one.message_id for one in receiver.heard if b"poison" in one.body]
    assert len(set(ids)) == 1
    assert asked(database_url, "SELECT max(length(answer)) FROM delivery") <= 1_000


def test_a_receiver_that_hangs_holds_up_nobody_else(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        receiving(answers=lambda heard: 3.0 if heard.path == "/slow" else Response()) as receiver,
        briskly(monkeypatch),
    ):
        for _ in range(3):
            listen(database_url, receiver, path="/slow")
        listen(database_url, receiver, path="/quick")
        with sending_webhooks(settings_of(database_url, receiver)):
            names = [f"bin-{number}" for number in range(5)]
            flood(database_url, *names)
            wait_until(lambda: sum(one.path == "/quick" for one in receiver.heard) == len(names))
            assert subjects([one for one in receiver.heard if one.path == "/quick"]) == names
            assert sum(one.path == "/slow" for one in receiver.heard) == 3


def test_two_workers_send_each_event_once_and_in_order(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"bin-{number}" for number in range(30)]
    with receiving() as receiver, briskly(monkeypatch):
        for path in ("/one", "/two"):
            listen(database_url, receiver, path=path)
        flood(database_url, *names)
        settings = settings_of(database_url, receiver)
        with sending_webhooks(settings), sending_webhooks(settings):
            wait_until(lambda: asked(database_url, "SELECT count(*) FROM delivery WHERE state = 'taken'") == 60)
    for path in ("/one", "/two"):
        assert subjects([one for one in receiver.heard if one.path == path]) == names


KILLED = """
import time
from webhooking import settings_of
from receiver import Receiver
from services.webhooks.sending import sending_webhooks
with sending_webhooks(settings_of({url!r}, Receiver(port={port}))):
    time.sleep(60)
"""


def test_what_a_killed_worker_sent_and_did_not_note_is_sent_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(answers=lambda _: 2.0) as receiver, briskly(monkeypatch):
        listen(database_url, receiver)
        flood(database_url, "bin-1")
        path = os.pathsep.join(str(ROOT / one) for one in ("", "tests", "tests/integration"))
        with subprocess.Popen(
            [sys.executable, "-c", KILLED.format(url=database_url, port=receiver.port)],
            env=os.environ | {"PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as worker:
            [first] = receiver.wait_for(1)
            worker.kill()
        assert asked(database_url, "SELECT tries FROM delivery") == 0
        receiver.answers = lambda _: Response()
        with sending_webhooks(settings_of(database_url, receiver)):
            # Its hold on the webhook lasts a minute, which has passed.
            asked(database_url, "UPDATE webhook SET held_until = now() RETURNING true")
            [_, second] = receiver.wait_for(2)
            wait_until(lambda: asked(database_url, "SELECT state = 'taken' FROM delivery"))
    assert first.message_id == second.message_id
    assert first.body == second.body


def test_a_receiver_that_is_gone_is_sent_nothing_more_and_others_hear_of_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        receiving(answers=lambda heard: Response(status_code=410 if heard.path == "/gone" else 204)) as receiver,
        briskly(monkeypatch),
    ):
        gone, _ = listen(database_url, receiver, path="/gone")
        listen(database_url, receiver, path="/there")
        with sending_webhooks(settings_of(database_url, receiver)):
            flood(database_url, "bin-1", "bin-2")
            wait_until(lambda: any(b"webhook_given_up" in one.body for one in receiver.heard))
            flood(database_url, "bin-3")
            wait_until(lambda: any(b"bin-3" in one.body for one in receiver.heard))
        assert [one.path for one in receiver.heard].count("/gone") == 1
        told = next(json.loads(one.body) for one in receiver.heard if b"webhook_given_up" in one.body)
        assert told["data"]["subject"] == f"webhook:{gone}"
        assert told["data"]["words"]["values"]["n"] == 2
        assert asked(database_url, "SELECT state FROM webhook WHERE webhook_id = %s", gone) == "gone"
        assert (
            asked(database_url, "SELECT count(*) FROM delivery WHERE webhook_id = %s AND state = 'waiting'", gone) == 0
        )


def test_after_three_days_an_event_is_given_up_and_that_is_told_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        pass
    with briskly(monkeypatch):
        listen(database_url, receiver)
        with sending_webhooks(settings_of(database_url, receiver)):
            flood(database_url, "bin-1", "bin-2")
            wait_until(lambda: asked(database_url, "SELECT failures > 0 FROM webhook"))
            asked(database_url, "UPDATE delivery SET made_at = made_at - interval '3 days' RETURNING true")
            wait_until(lambda: asked(database_url, "SELECT count(*) FROM delivery WHERE state = 'given_up'") == 2)
            flood(database_url, "bin-3")
            asked(database_url, "UPDATE delivery SET made_at = made_at - interval '3 days' RETURNING true")
            wait_until(lambda: asked(database_url, "SELECT count(*) FROM delivery WHERE state = 'given_up'") == 3)
        assert asked(database_url, "SELECT count(*) FROM event WHERE name = 'alarm.webhook_given_up'") == 1


def test_a_webhook_hears_of_its_communes_and_of_what_it_wants(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver, briskly(monkeypatch):
        here, _ = listen(database_url, receiver, path="/here")
        listen(database_url, receiver, path="/all", communes=None)
        listen(database_url, receiver, "decision.approved", path="/decisions", communes=None)
        flood(database_url, "bin-1")
        flood(database_url, "bin-2", commune=ELSEWHERE)
        with connected(as_login(database_url, Login.WORKER)) as connection:
            overdue = PlatformAlarm(EventName.ALARM_BACKUP_OVERDUE, Severity.CRITICAL, now(), "backup")
            assert raise_alarm(connection, overdue, now())
        # Whatever put it there: what happened elsewhere is not sent.
        asked(
            database_url,
            "INSERT INTO delivery (webhook_id, event_id) SELECT %s, event_id FROM event"
            " WHERE commune_insee = %s RETURNING true",
            here,
            ELSEWHERE,
        )
        with sending_webhooks(settings_of(database_url, receiver)):
            wait_until(lambda: asked(database_url, "SELECT count(*) FROM delivery WHERE state = 'taken'") == 4)
        said = sorted((one.path, json.loads(one.body)["data"]["subject"]) for one in receiver.heard)
        assert said == [
            ("/all", "backup"),
            ("/all", "sensor:bin-1"),
            ("/all", "sensor:bin-2"),
            ("/here", "sensor:bin-1"),
        ]
        assert asked(database_url, "SELECT topic FROM outbox WHERE topic LIKE '%%overdue'") == (
            "vigie/out/v1/metropole/alarm/backup_overdue"
        )


def test_an_alarm_that_lasts_is_not_raised_at_every_look(database_url: str) -> None:
    at = now()
    alarm = PlatformAlarm(EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, at, "sensor:bin-1", COMMUNE)
    with connected(as_login(database_url, Login.INGEST)) as connection:
        assert raise_alarm(connection, alarm, at)
        assert not raise_alarm(connection, alarm, at + timedelta(minutes=59))
        assert raise_alarm(connection, alarm, at + timedelta(minutes=61))
        assert end_alarm(connection, alarm, at + timedelta(minutes=62))
        assert not end_alarm(connection, alarm, at + timedelta(minutes=62))
        assert raise_alarm(connection, alarm, at + timedelta(minutes=63))


def test_without_a_secret_nothing_is_sent_and_the_worker_works(database_url: str) -> None:
    with receiving() as receiver:
        listen(database_url, receiver)
        flood(database_url, "bin-1")
        without = settings_of(database_url, receiver).model_copy(update={"secret": SecretStr("")})
        with sending_webhooks(without):
            time.sleep(0.2)
        assert receiver.heard == []


def test_an_event_of_a_test_goes_to_no_broker(database_url: str) -> None:
    with connected(database_url) as connection:
        write_event(connection, Event(EventName.WEBHOOK_TEST, now(), COMMUNE, {}, "webhook:1"))
    assert asked(database_url, "SELECT count(*) FROM outbox") == 0
