"""What the OpenAPI document says of every operation alike: who may, what is refused, the headers, what comes after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.api.answers import problem_responses
from services.api.doors.rights import NEEDS, Let, rights_of
from services.api.problems import MEDIA_TYPE

Operation = dict[str, Any]
_UNSAFE = ("post", "put", "patch", "delete")

SECURITY_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-vigie",
        "description": "A person who signed in (`vigie` instead, over plain HTTP on loopback). What changes something "
        "also needs the header `X-CSRF-Token`, which `GET /api/v1/me` gives.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "A program's token: `vigie_…`, shown once when made."},
}
"""How somebody is let in."""


def _header(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


_RATE = {
    "RateLimit": _header("Units that are left, and in how many seconds all are back.", '"pass";r=2950;t=1'),
    "RateLimit-Policy": _header("Units at once, and in how many seconds they come back.", '"pass";q=3000;w=60'),
}
_RETRY_AFTER = {"Retry-After": _header("Seconds after which to ask again.", "5")}
_TAG = {"ETag": _header("Names this very answer; give it as `If-None-Match`.", '"VYP4m2zCUnzK7V5kRHTS5g"')}
_REPLAYED = {"Idempotency-Replayed": _header("Told again from the first request with this key.", "true")}
_DEPRECATION = {
    "Deprecation": _header("Since when something that the request uses is deprecated (RFC 9745).", "@1795305600"),
    "Sunset": _header("Until when it is taken at least (RFC 8594).", "Mon, 22 Nov 2027 00:00:00 GMT"),
}


class Following(NamedTuple):
    """An operation that goes on from an answer: its parameter is found in the answer's body, by JSON pointer."""

    operation: str
    parameter: str
    pointer: str


LINKS: Mapping[str, tuple[Following, ...]] = {
    "adopt_sensor": (
        Following("read_sensor", "sensor_id", "/sensor_id"),
        Following("write_sensor", "sensor_id", "/sensor_id"),
        Following("write_sensor_move", "sensor_id", "/sensor_id"),
        Following("write_sensor_retirement", "sensor_id", "/sensor_id"),
        Following("write_sensor_replacement", "sensor_id", "/sensor_id"),
        Following("read_sensor_changes", "sensor_id", "/sensor_id"),
    ),
    "decide_on_subject": (
        Following("read_decision", "decision_id", "/decision_id"),
        Following("write_answer", "decision_id", "/decision_id"),
    ),
    "ask_intake": (
        Following("read_intake", "intake_id", "/intake_id"),
        Following("cancel_intake", "intake_id", "/intake_id"),
    ),
    "add_alarm_rule": (
        Following("write_alarm_rule", "rule_id", "/rule_id"),
        Following("delete_alarm_rule", "rule_id", "/rule_id"),
    ),
    "add_maintenance": (Following("cancel_maintenance", "maintenance_id", "/maintenance_id"),),
    "add_subscription": (
        Following("write_subscription", "subscription_id", "/subscription_id"),
        Following("test_subscription", "subscription_id", "/subscription_id"),
        Following("delete_subscription", "subscription_id", "/subscription_id"),
    ),
    "make_token": (Following("revoke_token", "pass_id", "/pass_id"),),
    "add_person": (
        Following("read_person", "person_id", "/person_id"),
        Following("write_person_grants", "person_id", "/person_id"),
        Following("make_person_link", "person_id", "/person_id"),
        Following("disable_person", "person_id", "/person_id"),
    ),
    "make_webhook": (
        Following("write_webhook", "webhook_id", "/webhook_id"),
        Following("read_webhook", "webhook_id", "/webhook_id"),
        Following("read_deliveries", "webhook_id", "/webhook_id"),
        Following("delete_webhook", "webhook_id", "/webhook_id"),
    ),
}
"""What may follow what made something."""


def tell_operations(document: dict[str, Any]) -> None:
    """Say of every operation who may, what is refused, its headers, and what comes after."""
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    found = {operation["operationId"]: (method, operation) for method, operation in operations_of(document)}
    for method, operation in found.values():
        _tell_who_may(operation)
        _tell_problems(method, operation)
        _tell_headers(method, operation)
        _tell_links(operation, found)
        # A file is what its media type says: to call it a string says nothing more.
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
            if media_type != "application/json":
                body["schema"] = {}
        _share_problems(document, operation)


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    """Yield the method and the operation of each."""
    for path in document["paths"].values():
        yield from path.items()


def _tell_who_may(operation: Operation) -> None:
    need = NEEDS[operation["operationId"]]
    operation["security"] = [] if need is None else [{name: []} for name in SECURITY_SCHEMES]
    operation["x-vigie-right"] = [] if need is None or need is Let.IN else [right.value for right in rights_of(need)]


def _tell_problems(method: str, operation: Operation) -> None:
    refusals = [400, 414, 422, 429, 431, *([401, 403] if operation["security"] else [])]
    if method == "post":
        refusals.append(409)
    if "requestBody" in operation:
        refusals.append(413)
    for status, said in problem_responses(*refusals).items():
        operation["responses"].setdefault(str(status), said)


def _tell_headers(method: str, operation: Operation) -> None:
    for status, said in list(operation["responses"].items()):
        headers = dict(_RATE)
        if status in {"429", "503"}:
            headers |= _RETRY_AFTER
        if method == "get" and status == "200" and "application/json" in said.get("content", {}):
            headers |= _TAG
            operation["responses"]["304"] = {"description": "The client has this answer.", "headers": _TAG | _RATE}
        if method in _UNSAFE and status.startswith("2"):
            headers |= (_REPLAYED if method == "post" else {}) | _DEPRECATION
        said["headers"] = headers | said.get("headers", {})


def _share_problems(document: dict[str, Any], operation: Operation) -> None:
    """Write each problem once, for all operations that tell it alike: the document is a fifth as long."""
    shared: dict[str, Any] = document["components"].setdefault("responses", {})
    for status, said in operation["responses"].items():
        if MEDIA_TYPE in said.get("content", {}) and said == shared.setdefault(f"Problem{status}", said):
            operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}


def _tell_links(operation: Operation, found: Mapping[str, tuple[str, Operation]]) -> None:
    for following in LINKS.get(operation["operationId"], ()):
        if following.operation not in found:
            continue
        [made] = [said for status, said in operation["responses"].items() if status.startswith("2")]
        made.setdefault("links", {})[following.operation] = {
            "operationId": following.operation,
            "parameters": {following.parameter: f"$response.body#{following.pointer}"},
        }
