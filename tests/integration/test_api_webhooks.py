"""Webhooks over the API: made, changed, tested, replayed and ended by who may, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import SIGNING_KEY, api_running, api_running_with, api_settings
from passes import EVERYTHING, enter, let_in, shown
from pydantic import SecretStr
from receiver import Receiver, receiving
from standardwebhooks.webhooks import Webhook as Peer
from webhooking import COMMUNE, ELSEWHERE, asked, briskly, flood, settings_of, wait_until

from core.clock import format_instant, now
from core.roles import Grant, Role
from services.webhooks.sending import sending_webhooks

pytestmark = pytest.mark.integration

BODY = {"name": "Astreinte", "url": "https://hook.example/vigie?k=1", "events": ["alarm.*"], "communes": [COMMUNE]}


@pytest.fixture
def administrator(database_url: str) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with api_running(database_url) as client:
        yield client


def made(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/webhooks", json=BODY | changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(administrator: httpx.Client, database_url: str) -> None:
    webhook = made(administrator)
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert administrator.get(f"/webhooks/{webhook['webhook_id']}").json() == webhook
    assert administrator.get("/webhooks").json() == {"items": [webhook], "next": None}
    assert (webhook["state"], webhook["made_by"], webhook["communes"]) == ("active", "an administrator", [COMMUNE])
    told = asked(database_url, "SELECT after FROM audit WHERE what = 'webhook_made'")
    assert told["url"] == "https://hook.example"
    assert secret not in str(told)


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"url": "http://hook.example/"}, "url"),
    ({"url": "https://169.254.169.254/latest"}, "url"),
    ({"url": "https://user:word@hook.example/"}, "url"),
    ({"url": "https://hook.example:5432/"}, "url"),
    ({"events": []}, "events"),
    ({"events": ["decision.rejected"]}, "events"),
    ({"events": ["a\0b"]}, "events"),
    ({"events": ["webhook.test"]}, "events"),
    ({"communes": []}, "communes"),
    ({"communes": ["13055"]}, "communes.0"),
    ({"name": " "}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"secret": "mine"}, "secret"),
)


def test_what_cannot_be_is_refused_and_named(administrator: httpx.Client) -> None:
    for change, field in REFUSED:
        answer = administrator.post("/webhooks", json=BODY | change)
        assert answer.status_code == 422, change
        assert [one["parameter"] for one in answer.json()["errors"]] == [field]


def test_a_webhook_is_changed_paused_and_ended(administrator: httpx.Client, database_url: str) -> None:
    webhook_id = made(administrator)["webhook_id"]
    path = f"/webhooks/{webhook_id}"
    flood(database_url, "bin-1")
    assert administrator.get(path).json()["waiting"] == 1
    changed = administrator.patch(
        path, json={"state": "paused", "communes": [ELSEWHERE], "events": ["decision.*"]}
    ).json()
    assert (changed["state"], changed["communes"], changed["events"]) == ("paused", [ELSEWHERE], ["decision.*"])
    # What waited for it happened where it hears of nothing any more.
    assert (changed["waiting"], changed["name"]) == (0, "Astreinte")
    assert administrator.patch(path, json={"communes": None, "state": "active"}).json()["communes"] is None
    for refused in ({"state": "gone"}, {"name": None}, {"url": "http://x.example"}):
        assert administrator.patch(path, json=refused).status_code == 422
    assert administrator.delete(path).status_code == 204
    assert administrator.get(path).status_code == administrator.delete(path).status_code == 404
    acts = "SELECT string_agg(what, ' ' ORDER BY number) FROM audit WHERE what LIKE 'webhook%%'"
    assert asked(database_url, acts) == "webhook_made webhook_edited webhook_edited webhook_removed"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as one:
        yield one


def test_a_test_a_replay_and_a_new_secret_reach_the_receiver(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = now() - timedelta(minutes=1)
    flood(database_url, "bin-0")
    allowed = {"outgoing_networks": "127.0.0.0/8", "outgoing_ports": str(receiver.port), "outgoing_http_loopback": True}
    worker = settings_of(database_url, receiver).model_copy(update={"secret": SecretStr(SIGNING_KEY)})
    with (
        briskly(monkeypatch),
        api_running_with(api_settings(database_url, **allowed)) as client,
        sending_webhooks(worker),
    ):
        client.headers.update(shown(enter(database_url, *EVERYTHING, name="Nadia")))
        webhook = made(client, url=receiver.url())
        path = f"/webhooks/{webhook['webhook_id']}"
        sent = client.post(f"{path}/test")
        assert (sent.status_code, sent.json()["event"], sent.json()["state"]) == (201, "webhook.test", "waiting")
        [heard] = receiver.wait_for(1)
        assert Peer(webhook["secret"]).verify(heard.body, heard.headers)["data"]["by"] == "Nadia"

        flood(database_url, "bin-1")
        receiver.wait_for(2)
        wait_until(lambda: client.get(path).json()["waiting"] == 0)
        [alarm, test] = client.get(f"{path}/deliveries").json()["items"]
        assert (alarm["event"], alarm["state"], alarm["status"], alarm["tries"]) == (
            "alarm.sensor_flooded",
            "taken",
            200,
            1,
        )
        assert test["delivery_id"] == sent.json()["delivery_id"]
        [page] = client.get(f"{path}/deliveries", params={"limit": 1}).json()["items"]
        assert page == alarm
        assert client.get(f"{path}/deliveries", params={"state": "given_up"}).json()["items"] == []

        again = client.post(f"/deliveries/{alarm['delivery_id']}/replay").json()
        assert again["event_id"] == alarm["event_id"]
        assert receiver.wait_for(3)[2].message_id == alarm["event_id"]

        secret = client.post(f"{path}/secrets").json()["secret"]
        window = {"from": format_instant(began), "until": format_instant(now())}
        # Both alarms, also the one of before there was the webhook; not the test.
        assert client.post(f"{path}/replay", json=window).json() == {"events": 2, "next_from": None}
        replayed = receiver.wait_for(5)[3:]
        for one in replayed:
            assert Peer(webhook["secret"]).verify(one.body, one.headers) == Peer(secret).verify(one.body, one.headers)
        assert [b"bin-0" in one.body for one in replayed] == [True, False]
    acts = "SELECT string_agg(what, ' ' ORDER BY number) FROM audit WHERE what LIKE 'webhook%%'"
    assert asked(database_url, acts) == "webhook_made webhook_tested webhook_resent webhook_edited webhook_resent"


def test_a_commune_s_administrator_has_the_webhooks_of_that_commune_only(
    administrator: httpx.Client, database_url: str
) -> None:
    here = made(administrator)["webhook_id"]
    others = [made(administrator, communes=one)["webhook_id"] for one in ([ELSEWHERE], [COMMUNE, ELSEWHERE], None)]
    flood(database_url, "bin-2", commune=ELSEWHERE)
    elsewhere = administrator.get(f"/webhooks/{others[0]}/deliveries").json()["items"][0]["delivery_id"]
    secret = enter(database_url, Grant(Role.ADMINISTRATOR, COMMUNE))
    with let_in(administrator, secret) as local:
        assert [one["webhook_id"] for one in local.get("/webhooks").json()["items"]] == [here]
        for other in others:
            path = f"/webhooks/{other}"
            window = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
            for answer in (
                local.get(path),
                local.patch(path, json={"name": "mine"}),
                local.delete(path),
                local.post(f"{path}/secrets"),
                local.post(f"{path}/test"),
                local.get(f"{path}/deliveries"),
                local.post(f"{path}/replay", json=window),
            ):
                assert answer.status_code == 404, answer.request.url
        assert local.post(f"/deliveries/{elsewhere}/replay").status_code == 404
        for communes in ([ELSEWHERE], [COMMUNE, ELSEWHERE], None):
            assert local.post("/webhooks", json=BODY | {"communes": communes}).status_code == 403
            assert local.patch(f"/webhooks/{here}", json={"communes": communes}).status_code == 403
        # A window of all that happened brings it nothing from elsewhere.
        window = {"from": format_instant(now() - timedelta(days=1)), "until": format_instant(now() + timedelta(days=1))}
        assert local.post(f"/webhooks/{here}/replay", json=window).json()["events"] == 0
        assert local.post(f"/webhooks/{here}/test").status_code == 201


def test_no_other_role_comes_near_a_webhook(administrator: httpx.Client, database_url: str) -> None:
    webhook_id = made(administrator)["webhook_id"]
    for role in set(Role) - {Role.ADMINISTRATOR}:
        with let_in(administrator, enter(database_url, Grant(role))) as other:
            assert other.get("/webhooks").status_code == 403
            assert other.post("/webhooks", json=BODY).status_code == 403
            assert other.delete(f"/webhooks/{webhook_id}").status_code == 403
