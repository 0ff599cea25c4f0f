"""A person's own e-mails about alarms: where to, of what, when, how often; nobody else sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Response
from pydantic import AfterValidator, Field, StringConstraints

from core.audit import Act, What
from core.clock import now
from core.events import Severity
from core.mail_settings import ADDRESS, ADDRESS_CHARACTERS_MAX
from core.roles import PassKind, Visitor
from core.store import subscriptions
from core.store.audit import record
from core.store.pool import Connection
from core.store.subscriptions import SUBSCRIPTIONS_MAX, Subscription
from services.alarms.mail.timetable import SPANS_MAX, check_spans
from services.api.acting import Acting
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.doors.visiting import Visiting
from services.api.etags import IfMatch, check_match
from services.api.parameters import ID_MAX, InseeCode
from services.api.problems import Code, Problem, said

router = api_router("alarms")

_BODY = {
    "address": "technique@ville.example",
    "communes": ["93051"],
    "severity_min": "warning",
    "timetable": [[0, "08:00", "18:30"], [4, "22:00", "06:00"]],
    "digest_min": 15,
    "mails_per_hour_max": 6,
    "language": "fr",
    "paused": False,
}
_SUBSCRIPTION = {
    "subscription_id": 5,
    **_BODY,
    "made_at": "2026-03-01T15:02:00Z",
    "waiting": 0,
    "sent_at": "2026-03-02T09:28:40Z",
    "failure": "",
}

SubscriptionId = Annotated[int, Path(ge=1, le=ID_MAX)]
Weekday = Annotated[int, Field(ge=0, le=6, strict=True)]
Time = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Span = tuple[Weekday, Time, Time]


def _spans(spans: list[Span]) -> list[Span]:
    check_spans(spans)
    return spans


class SubscriptionBody(Answer):
    """What to be told by e-mail, whole."""

    model_config = documented(_BODY)

    address: Annotated[str, StringConstraints(max_length=ADDRESS_CHARACTERS_MAX, pattern=ADDRESS)] = Field(
        description="Your own. Each mail has a link that ends it, without signing in."
    )
    communes: list[InseeCode] | None = Field(
        default=None, min_length=1, max_length=200, description="INSEE codes; null: all that you may see."
    )
    severity_min: Severity = Severity.WARNING
    timetable: Annotated[list[Span], AfterValidator(_spans)] = Field(
        default_factory=list,
        max_length=SPANS_MAX,
        description="Spans of the week of Paris: weekday (Monday 0), from, to; one that ends no later than it begins "
        "goes on into the next day. None: always.",
    )
    digest_min: int = Field(
        default=0, ge=0, le=1_440, strict=True, description="Gathered for so many minutes; 0: half a minute."
    )
    mails_per_hour_max: int = Field(
        default=12, ge=1, le=60, strict=True, description="What is beyond waits, and goes in one mail."
    )
    language: Literal["fr", "en"] = "fr"
    paused: bool = Field(default=False, strict=True)


class SubscriptionAnswer(SubscriptionBody):
    """One of your subscriptions."""

    model_config = documented(_SUBSCRIPTION)

    subscription_id: int
    made_at: datetime
    waiting: int = Field(description="What waits to be told.")
    sent_at: datetime | None = Field(description="When the last mail was sent.")
    failure: str = Field(description="Why the last mail was not taken, in English; empty when it was.")


class Subscriptions(Items[SubscriptionAnswer]):
    """Your subscriptions."""

    model_config = documented({"items": [_SUBSCRIPTION], "next": None})


@router.get("/me/subscriptions", operation_id="read_subscriptions")
def read_subscriptions(store: Store) -> Subscriptions:
    """List your own subscriptions to e-mails about alarms; programs and links have none."""
    return Subscriptions(items=[_answer(one) for one in subscriptions.read_subscriptions(store)])


@router.post("/me/subscriptions", operation_id="add_subscription", status_code=201, responses=problem_responses(413))
def add_subscription(
    body: SubscriptionBody, store: Acting, visitor: Visiting, response: Response
) -> SubscriptionAnswer:
    """Have yourself told of alarms by e-mail: of what you may see, as long as you may."""
    person_id = _person(visitor)
    if len(subscriptions.read_subscriptions(store)) >= SUBSCRIPTIONS_MAX:
        raise Problem(Code.STATE_REFUSED, said("subscriptions_too_many", most=SUBSCRIPTIONS_MAX))
    subscription_id = subscriptions.add_subscription(store, person_id, _subscription(0, body))
    kept = _named(store, subscription_id)
    record(store, Act(What.SUBSCRIPTION_MADE, f"subscription:{subscription_id}", after=_told(kept)))
    response.headers["Location"] = f"{PREFIX}/me/subscriptions/{subscription_id}"
    return _answer(kept)


@router.put(
    "/me/subscriptions/{subscription_id}", operation_id="write_subscription", responses=problem_responses(412, 413)
)
def write_subscription(
    subscription_id: SubscriptionId, body: SubscriptionBody, store: Acting, if_match: IfMatch = None
) -> SubscriptionAnswer:
    """Change a subscription, whole, pause it, or take it up again: what happened while it was paused is not told."""
    before = _named(store, subscription_id)
    check_match(if_match, _answer(before))
    subscriptions.write_subscription(store, _subscription(subscription_id, body))
    after = _named(store, subscription_id)
    target = f"subscription:{subscription_id}"
    record(store, Act(What.SUBSCRIPTION_EDITED, target, before=_told(before), after=_told(after)))
    return _answer(after)


@router.delete("/me/subscriptions/{subscription_id}", operation_id="delete_subscription", status_code=204)
def delete_subscription(subscription_id: SubscriptionId, store: Acting) -> Response:
    """End a subscription, with what waits to be told."""
    kept = _named(store, subscription_id)
    subscriptions.delete_subscription(store, subscription_id)
    record(store, Act(What.SUBSCRIPTION_REMOVED, f"subscription:{subscription_id}", before=_told(kept)))
    return Response(status_code=204)


@router.post("/me/subscriptions/{subscription_id}/test", operation_id="test_subscription", status_code=202)
def send_test(subscription_id: SubscriptionId, store: Acting) -> SubscriptionAnswer:
    """Have a test mail sent to yourself, at once, within your rate; look at `sent_at` and `failure` a moment later."""
    kept = _named(store, subscription_id)
    if kept.paused:
        raise Problem(Code.STATE_REFUSED, said("subscription_paused"))
    subscriptions.ask_test(store, subscription_id, now())
    record(store, Act(What.SUBSCRIPTION_TESTED, f"subscription:{subscription_id}"))
    return _answer(_named(store, subscription_id))


def _person(visitor: Visitor) -> int:
    if visitor.person_id is None or visitor.kind is not PassKind.SESSION:
        raise Problem(Code.STATE_REFUSED, said("no_person"))
    return visitor.person_id


def _named(store: Connection, subscription_id: int) -> Subscription:
    kept = subscriptions.read_subscription(store, subscription_id)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no subscription {subscription_id} of yours")
    return kept


def _subscription(subscription_id: int, body: SubscriptionBody) -> Subscription:
    communes = tuple(body.communes) if body.communes is not None else None
    return Subscription(
        subscription_id,
        body.address,
        communes,
        body.severity_min,
        tuple(body.timetable),
        body.digest_min,
        body.mails_per_hour_max,
        body.language,
        body.paused,
        now(),
    )


def _answer(kept: Subscription) -> SubscriptionAnswer:
    return SubscriptionAnswer.model_validate(kept, from_attributes=True)


def _told(kept: Subscription) -> dict[str, object]:
    """Return a subscription as the record of acts keeps it: without the address, which is the person's own."""
    return {
        "communes": list(kept.communes) if kept.communes is not None else None,
        "severity_min": kept.severity_min.value,
        "digest_min": kept.digest_min,
        "mails_per_hour_max": kept.mails_per_hour_max,
        "paused": kept.paused,
    }
