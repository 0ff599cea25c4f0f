"""The table of who may do what, line by line, against a running API: each role, and nobody, on each operation."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api_process import api_running_with, api_settings
from operations import Operation, operations_of
from passes import enter, let_in

from core.roles import RIGHTS, Grant, Role
from core.settings import ApiSettings
from core.store.migrate import migrate
from services.api.app import create_app
from services.api.doors.rights import NEEDS, rights_of
from vigie.embedded import DatabaseServer

NAME = "rights_line_by_line"


@pytest.fixture(scope="module")
def database(database_server: DatabaseServer) -> Iterator[str]:
    """A migrated database for all lines of the table."""
    url = database_server.create(NAME)
    migrate(url)
    yield url
    database_server.drop(NAME)


@pytest.fixture(scope="module")
def settings(database: str) -> ApiSettings:
    return api_settings(database)


@pytest.fixture(scope="module")
def api(settings: ApiSettings) -> Iterator[httpx.Client]:
    """A running API, and nobody let in."""
    with api_running_with(settings) as client:
        yield client


def answered(client: httpx.Client, operation: Operation) -> tuple[int, str]:
    """Return the status of an answer, and its problem's code; a feed is not read to its end."""
    root = str(client.base_url).removesuffix("/api/v1/")
    with client.stream(operation.method, root + operation.address()) as answer:
        if "problem+json" not in answer.headers.get("content-type", ""):
            return answer.status_code, ""
        answer.read()
        return answer.status_code, str(answer.json()["code"])


def lines(settings: ApiSettings) -> list[Operation]:
    return list(operations_of(create_app(settings)))


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_line_says(database: str, settings: ApiSettings, api: httpx.Client, role: Role) -> None:
    client = let_in(api, enter(database, Grant(role)))
    faults = []
    for operation in lines(settings):
        needed = set(rights_of(NEEDS[operation.name]))
        allowed = not needed or bool(needed & RIGHTS[role])
        status, code = answered(client, operation)
        if allowed != (code not in {"forbidden", "unauthenticated"}) or status >= 500:
            faults.append(f"{operation.name}: {status} {code}, allowed: {allowed}")
    assert not faults, "\n".join(faults)


def test_nobody_may_do_nothing_but_what_is_open(settings: ApiSettings, api: httpx.Client) -> None:
    faults = []
    for operation in lines(settings):
        status, code = answered(api, operation)
        if (NEEDS[operation.name] is None) != (code != "unauthenticated"):
            faults.append(f"{operation.name}: {status} {code}")
    assert not faults, "\n".join(faults)
