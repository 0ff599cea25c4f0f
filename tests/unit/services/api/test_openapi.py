"""The OpenAPI document: well formed, an example on every answer, and every example true to its schema."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from core.settings import ApiSettings
from services.api.app import create_app

VERBS = "read|count|adopt|follow|write|decide|answer|ask|cancel"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(ApiSettings(database_url=SecretStr("postgresql://127.0.0.1:1/none"))).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


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
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
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
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_every_answer_has_an_example_that_its_schema_admits(document: dict[str, Any]) -> None:
    checked = 0
    for path, operation in operations(document):
        bodies = [*operation["responses"].items(), ("body", operation.get("requestBody", {}))]
        for status, said in bodies:
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
