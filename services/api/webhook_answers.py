"""The form of webhooks and of their deliveries in requests and answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from core.events import WANTED
from core.store.deliveries import Delivery
from core.store.webhooks import Webhook
from services.api.answers import Answer, Items, documented
from services.api.parameters import InseeCode, Instant
from services.webhooks.addresses import URL_CHARACTERS_MAX

_BODY = {
    "name": "Astreinte de Noisy-le-Grand",
    "url": "https://astreinte.noisy.example/vigie",
    "events": ["alarm.*", "decision.approved"],
    "communes": ["93051"],
}
_WEBHOOK = {
    "webhook_id": 4,
    **_BODY,
    "state": "active",
    "made_at": "2026-03-02T08:00:00Z",
    "made_by": "Nadia",
    "waiting": 0,
    "failures": 0,
    "failure": "",
    "succeeded_at": "2026-03-02T15:12:01Z",
    "gave_up_at": None,
    "secret_before_until": None,
}
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - the example of the Standard Webhooks
_DELIVERY = {
    "delivery_id": 120,
    "webhook_id": 4,
    "event_id": "0b2f9c6e-5f58-4a0e-9d3e-2f1a4c7b8d90",
    "event": "decision.approved",
    "commune_insee": "93051",
    "happened_at": "2026-03-02T15:12:00Z",
    "made_at": "2026-03-02T15:12:00Z",
    "state": "taken",
    "tries": 1,
    "next_try_at": None,
    "tried_at": "2026-03-02T15:12:01Z",
    "duration_ms": 84,
    "status": 204,
    "failure": "",
    "answer": "",
}


class WebhookState(StrEnum):
    """Whether a webhook is sent anything."""

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    TAKEN = "taken"
    GIVEN_UP = "given_up"


def _wanted(names: list[str]) -> list[str]:
    unknown = sorted(set(names) - WANTED)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no event; there are {', '.join(sorted(WANTED))}")
    return sorted(set(names))


WebhookName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=URL_CHARACTERS_MAX, pattern=r"^https?://[!-~]+$"),
    Field(description="`https://`, of the open Internet, without user, password and fragment."),
]
Wanted = Annotated[
    list[Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(WANTED)})]],
    Field(min_length=1, max_length=40, description="Names of events; `alarm.*` and `decision.*` are all of a family."),
    AfterValidator(_wanted),
]
Communes = Annotated[
    list[InseeCode],
    Field(min_length=1, max_length=200, description="Only what happens there; null: in the whole Métropole."),
]


class WebhookBody(Answer):
    """A webhook to be made."""

    model_config = documented(_BODY)

    name: WebhookName
    url: WebhookUrl
    events: Wanted
    communes: Communes | None = None


class WebhookChange(Answer):
    """What is to change of a webhook; what is absent stays."""

    model_config = documented({"state": "paused"}, {"events": ["alarm.*"]})

    name: WebhookName | None = None
    url: WebhookUrl | None = None
    events: Wanted | None = None
    communes: Communes | None = None
    state: (
        Annotated[WebhookState, Field(description="`paused`, or `active` again; only a receiver says `gone`.")] | None
    ) = None


class WebhookAnswer(Answer):
    """A webhook: who hears of what, and how its receiver does."""

    model_config = documented(_WEBHOOK)

    webhook_id: int
    name: str
    url: str
    events: list[str]
    communes: list[str] | None = Field(description="INSEE codes; null is the whole Métropole.")
    state: WebhookState = Field(description="`gone`: the receiver answered 410, and is sent nothing any more.")
    made_at: datetime
    made_by: str
    waiting: int = Field(description="Events that wait to be sent.")
    failures: int = Field(description="How often in a row nobody answered there.")
    failure: str = Field(description="Why the last event was not taken, in English; empty when it was.")
    succeeded_at: datetime | None = Field(description="When an event was last taken.")
    gave_up_at: datetime | None = Field(description="When events were last given up.")
    secret_before_until: datetime | None = Field(
        description="Until when the secret before the present one signs along."
    )


class MadeWebhook(WebhookAnswer):
    """A webhook that was just made, with its secret."""

    model_config = documented({**_WEBHOOK, "secret": _SECRET})

    secret: str = Field(description="Signs what is sent. Shown this once.")


class WebhookSecret(Answer):
    """A new secret of a webhook."""

    model_config = documented({"secret": _SECRET, "secret_before_until": "2026-03-03T08:00:00Z"})

    secret: str = Field(description="Signs what is sent. Shown this once.")
    secret_before_until: datetime = Field(description="Until then, the one before signs along.")


class Webhooks(Items[WebhookAnswer]):
    """Webhooks, by id; `next` is given as `after`."""

    model_config = documented({"items": [_WEBHOOK], "next": None})


class DeliveryAnswer(Answer):
    """An event on its way to a webhook."""

    model_config = documented(_DELIVERY)

    delivery_id: int
    webhook_id: int
    event_id: UUID = Field(description="Sent as `webhook-id`; the same however often the event is sent.")
    event: str
    commune_insee: str | None
    happened_at: datetime
    made_at: datetime = Field(description="When it was put there, or put there again.")
    state: DeliveryState = Field(description="An event is given up three days after it was put there.")
    tries: int
    next_try_at: datetime | None = Field(description="Not before then; null when it is not tried again.")
    tried_at: datetime | None
    duration_ms: int | None = Field(description="How long the last call took.")
    status: int | None = Field(description="Of the last answer; null when there was none.")
    failure: str = Field(description="Why it was not taken, in English.")
    answer: str = Field(description="The beginning of the last answer's body.")


class Deliveries(Items[DeliveryAnswer]):
    """Deliveries of a webhook, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_DELIVERY], "next": None})


class ResendBody(Answer):
    """A window whose events are to be sent again: `[from, until)`, of the last 30 days."""

    model_config = documented({"from": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"})

    start: Instant = Field(alias="from")
    until: Instant


class ReplayAnswer(Answer):
    """How many events are sent again."""

    model_config = documented({"events": 12, "next_from": None})

    events: int
    next_from: datetime | None = Field(description="Ask again from here: there were too many for once. Else null.")


def webhook_answer(webhook: Webhook) -> WebhookAnswer:
    """Return a webhook as it is answered."""
    return WebhookAnswer(
        webhook_id=webhook.webhook_id,
        name=webhook.name,
        url=webhook.url,
        events=list(webhook.wanted),
        communes=list(webhook.communes) if webhook.communes is not None else None,
        state=WebhookState(webhook.state),
        made_at=webhook.made_at,
        made_by=webhook.made_by,
        waiting=webhook.waiting,
        failures=webhook.failures,
        failure=webhook.failure,
        succeeded_at=webhook.succeeded_at,
        gave_up_at=webhook.gave_up_at,
        secret_before_until=webhook.before_until,
    )


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    """Return a delivery as it is answered."""
    answer = DeliveryAnswer.model_validate(delivery, from_attributes=True)
    if answer.state is not DeliveryState.WAITING:
        answer.next_try_at = None
    return answer
