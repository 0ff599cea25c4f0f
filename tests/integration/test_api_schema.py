"""The whole OpenAPI document against the running API, by Schemathesis: all checks, as each role and as nobody.

Few examples here; ``./run fuzz api`` asks for as long as one likes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fuzzed_api import ROLES, Fuzzing, fuzz, fuzzed_town

from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
# Where values of every kind are tried on every field, once with every right: the rights are tried with fewer.
SEED = 6
"""Always the same questions here; ``./run fuzz api`` looks for others."""
PHASES = {"everything": "examples,coverage,stateful"}


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[tuple[httpx.Client, str]]:
    with fuzzed_town(database_server, f"fuzzed_{uuid.uuid4().hex}", template) as town:
        yield town


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_found(town: tuple[httpx.Client, str], role: str, tmp_path: Path) -> None:
    fuzzing = Fuzzing(1, SEED, phases=PHASES.get(role, "examples,stateful"))
    nothing_found, told = fuzz(*town, role, fuzzing, tmp_path)
    assert nothing_found, told
