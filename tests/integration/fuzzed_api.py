"""A small town's API, and Schemathesis asking it everything that its OpenAPI document says, as one role."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

import fuzzed_hooks
import httpx
from api_process import api_running_with, api_settings
from deciding_kind import AIRING, AIRINGS, COMMUNE, KIND, write_room
from passes import EVERYTHING, enter, let_in

from core.clock import now
from core.roles import Grant, PassKind, Role
from core.store.migrate import migrate
from core.store.pool import connected
from services.decisions.registry import DECIDERS
from vigie.embedded import DatabaseServer

ROLES: dict[str, tuple[Grant, ...]] = {
    "everything": EVERYTHING,
    **{role.value: (Grant(role, COMMUNE),) for role in Role},
    "nobody": (),
}
"""As whom the API is asked; the last shows no pass."""
# A stream that never ends, which tests/integration/test_api_live.py reads.
_LEFT_OUT = ("follow_live",)
# What JSON Schema cannot say is refused with 422: a commune that is none, a window that is too long, two fields that go
# together; with 413 what is too long altogether. All else that the document admits is accepted.
_CONFIGURED = """
hooks = "{hooks}"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "413", "414", "422", "503"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "414", "422", "503"]
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
_SHOWN = """
[auth.openapi.token]
bearer = "{secret}"
"""
# Who asks everything also revokes everything, their own pass among it, and would ask no more.
_LASTING = """
    CREATE FUNCTION lasting() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
    CREATE TRIGGER lasting BEFORE UPDATE OF revoked_at ON pass
       FOR EACH ROW WHEN (OLD.made_by = 'test') EXECUTE FUNCTION lasting();
"""
_OPTIONS = (
    "--checks=all",
    "--mode=all",
    "--continue-on-failure",
    "--no-color",
    "--warnings=off",
    "--suppress-health-check=all",
    "--request-timeout=20",
)


@dataclass(frozen=True)
class Fuzzing:
    """How much is asked.

    Parameters
    ----------
    examples
        Of each operation, at most.
    seconds
        Altogether, where more than one round is wanted.
    """

    examples: int
    seed: int
    phases: str = "examples,coverage,fuzzing,stateful"
    seconds: int | None = None

    def options(self) -> list[str]:
        """Return it as options of Schemathesis."""
        asked = [f"--max-examples={self.examples}", f"--seed={self.seed}", f"--phases={self.phases}"]
        return [*asked, *([f"--max-time={self.seconds}"] if self.seconds else [])]


@contextmanager
def fuzzed_town(server: DatabaseServer, name: str, template: str | None = None) -> Iterator[tuple[httpx.Client, str]]:
    """Run the API of a town with a room that is decided about; give a client without a pass, and the database."""
    url = server.create(name) if template is None else server.create(name, template=template)
    migrate(url)
    with connected(url) as connection:
        connection.execute(_LASTING)
    write_room(url, at=now() - timedelta(minutes=2))
    settings = api_settings(
        url, rate_pass_per_s=1e6, rate_pass_burst=10**9, rate_address_per_s=1e6, rate_address_burst=10**9
    )
    with mock.patch.dict(DECIDERS, {KIND: AIRINGS}), api_running_with(settings) as client:
        _decided(client, url)
        yield client, url
    server.drop(name)


def _decided(client: httpx.Client, database_url: str) -> int:
    """Have something decided on the room; return the decision's id."""
    with let_in(client, enter(database_url, *EVERYTHING)) as other:
        answer = other.post("/decisions", json={"kind": KIND, "subject": AIRING.code})
        answer.raise_for_status()
    return int(answer.json()["decision_id"])


def _secret(client: httpx.Client, database_url: str, role: str) -> str:
    """Return what somebody of this role shows; a driver, the link to a decision."""
    grants = ROLES[role]
    if role != Role.DRIVER:
        return enter(database_url, *grants, name=role)
    decision_id = _decided(client, database_url)
    return enter(database_url, *grants, kind=PassKind.LINK, name=role, decision_id=decision_id)


def fuzz(client: httpx.Client, database_url: str, role: str, fuzzing: Fuzzing, folder: Path) -> tuple[bool, str]:
    """Ask the API as this role; return whether nothing was found, and what Schemathesis says."""
    shown = _SHOWN.format(secret=_secret(client, database_url, role)) if ROLES[role] else ""
    config = folder / f"schemathesis-{role}.toml"
    config.write_text(_CONFIGURED.format(hooks=Path(fuzzed_hooks.__file__).as_posix()) + shown, encoding="utf-8")
    origin = str(client.base_url).removesuffix("/api/v1/")
    program = (sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run")
    left_out = [f"--exclude-operation-id={name}" for name in _LEFT_OUT]
    asked = subprocess.run(
        [*program, f"{origin}/api/v1/openapi.json", *_OPTIONS, *left_out, *fuzzing.options()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.returncode == 0, asked.stdout + asked.stderr
