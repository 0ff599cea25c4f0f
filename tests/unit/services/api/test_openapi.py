"""The OpenAPI document: well formed, an example on every answer, and every example true to its schema."""

from __future__ import annotations

import re
from typing import Any

import pytest
from api_process import api_settings
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator, FormatChecker

from services.api.app import create_app
from services.api.deprecation import DEPRECATED
from services.api.doors.rights import NEEDS
from services.api.idempotency import SHOWS_SECRET
from services.api.openapi_operations import LINKS

VERBS = (
    "read|count|adopt|follow|write|decide|answer|ask|cancel|make|revoke|add|disable|enable|delete|export|test|replay"
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(api_settings("postgresql://127.0.0.1:1/none")).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


def response(document: dict[str, Any], operation: dict[str, Any], status: str) -> dict[str, Any]:
    said: dict[str, Any] = operation["responses"][status]
    reference = said.get("$ref")
    shared: dict[str, Any] = document["components"]["responses"]
    return said if reference is None else shared[reference.rpartition("/")[2]]


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    return set().union(*(references(value) for value in part)) if isinstance(part, list) else set()


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPI.model_validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    known = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in document["components"][kind]
    }
    assert references(document) <= known


def test_every_operation_is_named_tagged_described_and_tells_its_problems(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, operation in operations(document):
        assert path.startswith("/api/v1/")
        assert re.fullmatch(rf"({VERBS})_[a-z_]+", operation["operationId"])
        assert set(operation["tags"]) <= tags
        assert operation["description"]
        for status in ("404", "422", "503"):
            assert list(response(document, operation, status)["content"]) == ["application/problem+json"]


def test_every_answer_has_an_example_that_its_schema_admits(document: dict[str, Any]) -> None:
    checked = 0
    for path, operation in operations(document):
        answers = [(status, response(document, operation, status)) for status in operation["responses"]]
        for status, said in [*answers, ("body", operation.get("requestBody", {}))]:
            for kind, media in said.get("content", {}).items():
                if kind == "text/event-stream":
                    assert media["example"].startswith("event: ready\n")
                    continue
                schema = {**media["schema"], "components": document["components"]}
                check = Draft202012Validator(schema, format_checker=FormatChecker())
                assert media["examples"], (path, status)
                for example in media["examples"].values():
                    check.validate(example["value"])
                    checked += 1
    assert checked > len(operations(document))


def test_the_check_of_examples_can_fail(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/LatestReadings", "components": document["components"]}
    assert not Draft202012Validator(schema).is_valid({"items": [{"series_id": "one"}], "next": None})


def test_answers_that_show_a_secret_are_kept_by_no_idempotency_key(document: dict[str, Any]) -> None:
    showing = set()
    for path, methods in document["paths"].items():
        for status, said in methods.get("post", {}).get("responses", {}).items():
            schema = said.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            fields = document["components"]["schemas"].get(schema.rpartition("/")[2], {}).get("properties", {})
            if status.startswith("2") and {"secret", "link"} & set(fields):
                showing.add(document["paths"][path]["post"]["operationId"])
    assert showing == SHOWS_SECRET


def test_what_is_deprecated_is_told_by_the_document_and_in_answers_alike(document: dict[str, Any]) -> None:
    told = {(one.place, one.field, name) for one in DEPRECATED for name in one.operations}
    found = set()
    for _, operation in operations(document):
        name = operation["operationId"]
        for asked in operation.get("parameters", []):
            found |= {("query", asked["name"], name)} if asked.get("deprecated") else set()
        for reference in references(operation.get("requestBody", {}).get("content", {}).get("application/json", {})):
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            fields = [field for field, one in schema["properties"].items() if one.get("deprecated")]
            found |= {("body", field, name) for field in fields}
    assert found == told


def test_what_follows_is_an_operation_that_takes_this_parameter(document: dict[str, Any]) -> None:
    taken = {
        operation["operationId"]: {asked["name"] for asked in operation.get("parameters", [])}
        for _, operation in operations(document)
    }
    followed = {(name, one.operation, one.parameter) for name, all_of in LINKS.items() for one in all_of}
    assert {name for name, _, _ in followed} <= set(taken)
    assert [one for one in followed if one[2] not in taken.get(one[1], set())] == []


def test_every_operation_says_who_may(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        is_open = NEEDS[operation["operationId"]] is None
        assert (operation["security"] == []) is is_open
        assert is_open or {"401", "403", "429"} <= set(operation["responses"])
