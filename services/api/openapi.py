"""The OpenAPI document: what FastAPI derives from the code, with an example on every answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.answers import Answer
from services.api.openapi_operations import tell_operations
from services.api.problems import ProblemBody

DESCRIPTION = """Readings, forecasts, decisions and what was refused, of the sensors of the Métropole du Grand Paris.

Instants are RFC 3339: with an offset in requests, in UTC with Z in answers. Windows are half-open, `[from, until)`.
Values are in the unit beside them; a missing value is null or absent, never 0. Lists come by pages: `next` is the
cursor of the following one. Errors are `application/problem+json` (RFC 9457), titled in French or English by
`Accept-Language`.

Every operation but `health` and `ready` needs a pass: a token (`Authorization: Bearer vigie_…`) or the cookie of a
person who signed in. `x-vigie-right` names the right that it needs, or the rights of which one is enough; what a pass
may not see is not there (404). JSON answers to GET have an `ETag`. A POST with an `Idempotency-Key` may be sent again.
"""
TAGS = [
    {"name": "places", "description": "Communes, and what can be measured."},
    {"name": "sensors", "description": "Sites, sensors, series; adopting a sensor."},
    {"name": "readings", "description": "What was measured."},
    {"name": "exports", "description": "Readings and roll-ups as files, asked for or scheduled."},
    {"name": "forecasts", "description": "What is expected, and the models that say so."},
    {"name": "decisions", "description": "What is proposed, why, and what people answered."},
    {"name": "reception", "description": "What came in, and what was refused."},
    {"name": "intakes", "description": "What is taken in otherwise than live: replay, back-fill, import."},
    {"name": "live", "description": "The live feed."},
    {"name": "alarms", "description": "What a person should hear of: alarms, their rules, maintenance, e-mails."},
    {"name": "webhooks", "description": "Events as they happen, sent to other programs."},
    {"name": "audit", "description": "Who did what: the record of acts, for its auditors."},
    {"name": "doors", "description": "Who may see and do what: people, tokens, sessions, links."},
    {"name": "process", "description": "How the process is."},
]


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of this application, written once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            tags=TAGS,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        schemas |= problem.pop("$defs")
        schemas["ProblemBody"] = problem
        # FastAPI drops what is null from the document, and with it the nulls that examples are there to show.
        for answer in _answers(Answer):
            if answer.__name__ in schemas and "json_schema_extra" in answer.model_config:
                schemas[answer.__name__] |= answer.model_config["json_schema_extra"]
        tell_operations(document)
        for media in _media_types(document):
            _give_example(media, schemas)
        app.openapi_schema = document
    return app.openapi_schema


def _answers(kind: type[Answer]) -> Iterator[type[Answer]]:
    """Yield all kinds of answers."""
    for answer in kind.__subclasses__():
        yield answer
        yield from _answers(answer)


def _media_types(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for said in document["components"]["responses"].values():
        yield from said["content"].values()
    for path in document["paths"].values():
        for operation in path.values():
            for said in [*operation["responses"].values(), operation.get("requestBody", {})]:
                yield from said.get("content", {}).values()


def _give_example(media: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Show the examples of the schemas that this media type may hold."""
    schema = media.get("schema", {})
    references = [
        one["$ref"].rpartition("/")[2]
        for one in [schema, *schema.get("anyOf", []), *schema.get("oneOf", [])]
        if "$ref" in one
    ]
    examples = {name: {"value": schemas[name]["examples"][0]} for name in references}
    if examples:
        media["examples"] = examples
