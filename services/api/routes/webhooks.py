"""Webhooks: who hears of what happens, and what became of each event that was sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from core.audit import Act, What
from core.clock import Window, format_instant, now
from core.events import Event, EventName
from core.roles import Right, Visitor
from core.store import deliveries, webhooks
from core.store.audit import record
from core.store.events import write_event
from core.store.pool import Connection
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Store, api_router, problem_responses
from services.api.doors.visiting import Visiting
from services.api.parameters import ID_MAX, LONG_ID_MAX, After, Limit
from services.api.problems import BodyInvalid, Code, Problem
from services.api.webhook_answers import (
    Deliveries,
    DeliveryAnswer,
    DeliveryState,
    MadeWebhook,
    ReplayAnswer,
    ResendBody,
    WebhookAnswer,
    WebhookBody,
    WebhookChange,
    Webhooks,
    WebhookSecret,
    WebhookState,
    delivery_answer,
    webhook_answer,
)
from services.webhooks.addresses import OutgoingRefused, Rules, parse_target
from services.webhooks.sealing import Sealing
from services.webhooks.signing import new_signing_secret

router = api_router("webhooks")

SECRET_BEFORE_LASTS = timedelta(hours=24)
"""How long the secret before signs along."""

WebhookId = Annotated[int, Path(ge=1, le=ID_MAX)]
DeliveryId = Annotated[int, Path(ge=1, le=LONG_ID_MAX)]


@router.get("/webhooks", operation_id="read_webhooks")
def read_webhooks(store: Store, after: After = 0, limit: Limit = 100) -> Webhooks:
    """List the webhooks of the communes in which you say who has which role."""
    page = webhooks.read_webhooks(store, after=after, limit=limit + 1)
    items = [webhook_answer(one) for one in page[:limit]]
    return Webhooks(items=items, next=items[-1].webhook_id if len(page) > limit else None)


@router.post("/webhooks", operation_id="make_webhook", status_code=201, responses=problem_responses(413))
def make_webhook(
    body: WebhookBody, store: Acting, visitor: Visiting, request: Request, response: Response
) -> MadeWebhook:
    """Have events sent to a URL as they happen, signed as the Standard Webhooks are.

    Each is a `POST` of one JSON object; an answer of 2xx within 15 s takes it. Else it is sent again, less and less
    often, for three days, under the same `webhook-id`. 410 ends the webhook. Redirects are not followed.
    """
    _demand_all(visitor, body.communes)
    _check_url(body.url, request)
    secret = new_signing_secret()
    sealed = _sealing(request).seal(secret)
    communes = tuple(body.communes) if body.communes is not None else None
    new = webhooks.NewWebhook(body.name, body.url, tuple(body.events), communes, sealed, visitor.name)
    webhook_id = webhooks.add_webhook(store, new, now())
    webhook = _webhook_named(store, webhook_id)
    record(store, Act(What.WEBHOOK_MADE, f"webhook:{webhook_id}", _place(webhook), after=_told(webhook)))
    response.headers["Location"] = f"{PREFIX}/webhooks/{webhook_id}"
    return MadeWebhook(**webhook_answer(webhook).model_dump(), secret=secret)


@router.get("/webhooks/{webhook_id}", operation_id="read_webhook")
def read_webhook(webhook_id: WebhookId, store: Store) -> WebhookAnswer:
    """One webhook, and how its receiver does."""
    return webhook_answer(_webhook_named(store, webhook_id))


@router.patch("/webhooks/{webhook_id}", operation_id="write_webhook", responses=problem_responses(413))
def write_webhook(
    webhook_id: WebhookId, body: WebhookChange, store: Acting, visitor: Visiting, request: Request
) -> WebhookAnswer:
    """Change a webhook, pause it, or take it up again; what waits for it is then sent at once.

    What waits and happened where it hears of nothing any more is not sent.
    """
    before = _webhook_named(store, webhook_id)
    changes = _changes(body)
    if "communes" in changes:
        _demand_all(visitor, body.communes)
    if body.url is not None:
        _check_url(body.url, request)
    webhooks.write_webhook(store, replace(before, **changes), now())
    after = _webhook_named(store, webhook_id)
    record(
        store,
        Act(What.WEBHOOK_EDITED, f"webhook:{webhook_id}", _place(before), before=_told(before), after=_told(after)),
    )
    return webhook_answer(after)


@router.delete("/webhooks/{webhook_id}", operation_id="delete_webhook", status_code=204)
def delete_webhook(webhook_id: WebhookId, store: Acting) -> Response:
    """End a webhook: its secret and the record of its deliveries are deleted."""
    webhook = _webhook_named(store, webhook_id)
    webhooks.delete_webhook(store, webhook_id)
    record(store, Act(What.WEBHOOK_REMOVED, f"webhook:{webhook_id}", _place(webhook), before=_told(webhook)))
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/secrets", operation_id="make_webhook_secret", status_code=201)
def make_webhook_secret(webhook_id: WebhookId, store: Acting, request: Request) -> WebhookSecret:
    """Give a webhook a new secret; for 24 h both sign, so that the receiver may change its own in peace."""
    webhook = _webhook_named(store, webhook_id)
    secret, until = new_signing_secret(), now() + SECRET_BEFORE_LASTS
    webhooks.write_secret(store, webhook_id, _sealing(request).seal(secret), until)
    changed = {"secret_before_until": format_instant(until)}
    record(store, Act(What.WEBHOOK_EDITED, f"webhook:{webhook_id}", _place(webhook), after=changed))
    return WebhookSecret(secret=secret, secret_before_until=until)


@router.post("/webhooks/{webhook_id}/test", operation_id="test_webhook", status_code=201)
def send_test(webhook_id: WebhookId, store: Acting, visitor: Visiting) -> DeliveryAnswer:
    """Send a `webhook.test` event to this webhook only, behind what waits; look at its deliveries a moment later."""
    webhook = _webhook_named(store, webhook_id)
    told = {"webhook_id": webhook_id, "name": webhook.name, "by": visitor.name}
    place = webhook.communes[0] if webhook.communes is not None else None
    event = Event(EventName.WEBHOOK_TEST, now(), place, told, f"webhook:{webhook_id}")
    write_event(store, event)
    record(store, Act(What.WEBHOOK_TESTED, f"webhook:{webhook_id}", place))
    return _delivery_named(store, deliveries.add_delivery(store, webhook_id, event.event_id))


@router.get("/webhooks/{webhook_id}/deliveries", operation_id="read_deliveries")
def read_deliveries(
    webhook_id: WebhookId,
    store: Store,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    before: Annotated[int | None, Query(ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")] = None,
    limit: Limit = 100,
) -> Deliveries:
    """List what was sent to a webhook, or waits to be, the newest first; kept for 30 days."""
    _webhook_named(store, webhook_id)
    page = deliveries.read_deliveries(store, webhook_id, state=state, before=before, limit=limit + 1)
    items = [delivery_answer(one) for one in page[:limit]]
    return Deliveries(items=items, next=items[-1].delivery_id if len(page) > limit else None)


@router.post("/deliveries/{delivery_id}/replay", operation_id="replay_delivery", status_code=201)
def replay_delivery(delivery_id: DeliveryId, store: Acting) -> DeliveryAnswer:
    """Send the event of a delivery once more, under the same `webhook-id`, behind what waits."""
    delivery = _delivery_named(store, delivery_id)
    webhook = _webhook_named(store, delivery.webhook_id)
    sent = {"delivery_id": delivery_id, "event_id": str(delivery.event_id)}
    record(store, Act(What.WEBHOOK_RESENT, f"webhook:{webhook.webhook_id}", _place(webhook), after=sent))
    return _delivery_named(store, deliveries.add_delivery(store, delivery.webhook_id, delivery.event_id))


@router.post("/webhooks/{webhook_id}/replay", operation_id="replay_webhook", status_code=201)
def replay_webhook(webhook_id: WebhookId, body: ResendBody, store: Acting) -> ReplayAnswer:
    """Send again all events of a window that the webhook wants now, the oldest first, 1,000 at most.

    Also those that happened before the webhook was made.
    """
    webhook = _webhook_named(store, webhook_id)
    if body.until < body.start:
        raise BodyInvalid("from", "the window starts after it ends")
    replayed = deliveries.replay_window(store, webhook_id, Window(body.start, body.until))
    sent = {"from": format_instant(body.start), "until": format_instant(body.until), "events": replayed.count}
    record(store, Act(What.WEBHOOK_RESENT, f"webhook:{webhook_id}", _place(webhook), after=sent))
    return ReplayAnswer(events=replayed.count, next_from=replayed.next_from)


def _changes(body: WebhookChange) -> dict[str, Any]:
    """Return what of a webhook is to change."""
    named = body.model_fields_set
    if body.state is WebhookState.GONE:
        raise BodyInvalid("state", "only its receiver says that a webhook is gone")
    for field in ("name", "url", "events", "state"):
        if field in named and getattr(body, field) is None:
            raise BodyInvalid(field, "it cannot be null")
    changes: dict[str, Any] = {field: getattr(body, field) for field in ("name", "url") if field in named}
    if body.state is not None:
        changes["state"] = body.state.value
    if body.events is not None:
        changes["wanted"] = tuple(body.events)
    if "communes" in named:
        changes["communes"] = tuple(body.communes) if body.communes is not None else None
    return changes


def _demand_all(visitor: Visitor, communes: Sequence[str] | None) -> None:
    for commune in communes if communes is not None else (None,):
        demand(visitor, Right.GRANT, commune)


def _check_url(url: str, request: Request) -> None:
    rules: Rules = request.app.state.outgoing_rules
    try:
        parse_target(url, rules)
    except OutgoingRefused as error:
        raise BodyInvalid("url", str(error)) from None


def _sealing(request: Request) -> Sealing:
    sealing: Sealing = request.app.state.webhook_sealing
    return sealing


def _webhook_named(store: Connection, webhook_id: int) -> webhooks.Webhook:
    webhook = webhooks.read_webhook(store, webhook_id)
    if webhook is None:
        raise Problem(Code.NOT_FOUND, f"there is no webhook {webhook_id}")
    return webhook


def _delivery_named(store: Connection, delivery_id: int) -> DeliveryAnswer:
    delivery = deliveries.read_delivery(store, delivery_id)
    if delivery is None:
        raise Problem(Code.NOT_FOUND, f"there is no delivery {delivery_id}")
    return delivery_answer(delivery)


def _place(webhook: webhooks.Webhook) -> str | None:
    """Return the commune whose auditor reads of a webhook, None where it is of several."""
    return webhook.communes[0] if webhook.communes is not None and len(webhook.communes) == 1 else None


def _told(webhook: webhooks.Webhook) -> dict[str, Any]:
    """Return a webhook as the record of acts tells it: the rest of its URL may be a secret of its receiver's."""
    return {
        "name": webhook.name,
        "url": "/".join(webhook.url.split("/")[:3]),
        "events": list(webhook.wanted),
        "communes": list(webhook.communes) if webhook.communes is not None else None,
        "state": webhook.state,
    }
