"""The generated client: written from the document, checked by mypy, and run as docs/integrator.md shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from api_process import api_running
from deciding_kind import AIRING, KIND, registered, write_room
from passes import EVERYTHING, enter

from core.clock import now

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
# What else the client is used for here: a decision asked for and approved, a problem that names its parameter.
MORE = """
from vigie_client.api.decisions import decide_on_subject, write_answer
from vigie_client.api.readings import read_chart
from vigie_client.models import AnswerBody, AnswerBodyState, DecideBody, DecisionAnswer

decided = decide_on_subject.sync(client=client, body=DecideBody(kind="{kind}", subject="{subject}"))
assert isinstance(decided, DecisionAnswer), decided
approval = AnswerBody(state=AnswerBodyState.APPROVED)
approved = write_answer.sync(decided.decision_id, client=client, body=approval)
assert isinstance(approved, DecisionAnswer), approved
print(approved.state)

unknown = read_sensors.sync(client=client, commune="00000")
assert isinstance(unknown, ProblemBody)
assert isinstance(unknown.errors, list)
print(unknown.errors[0].parameter)
"""


def run(folder: Path, *command: str, **environment: str) -> str:
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_client_is_typed_and_does_what_the_page_says(database_url: str, tmp_path: Path) -> None:
    document = run(ROOT, sys.executable, "-m", "vigie", "openapi")
    (tmp_path / "openapi.json").write_text(document, encoding="utf-8")
    generate = ("openapi_python_client", "generate", "--path", "openapi.json", "--config", f"{ROOT}/infra/client.yaml")
    written = run(tmp_path, sys.executable, "-m", *generate, "--meta", "uv", "--output-path", "client")
    assert "WARNING" not in written, "an operation is left out of the client"
    page = (ROOT / "docs" / "integrator.md").read_text(encoding="utf-8")
    [program] = re.findall(r"```python\n(import os\n.*?)```", page, flags=re.DOTALL)
    (tmp_path / "client" / "program.py").write_text(
        program + MORE.format(kind=KIND, subject=AIRING.code), encoding="utf-8"
    )
    run(tmp_path / "client", sys.executable, "-m", "mypy", "--strict", "program.py")
    write_room(database_url, at=now() - timedelta(minutes=2))
    with registered(), api_running(database_url) as api:
        token = enter(database_url, *EVERYTHING, name="an integrator")
        address = str(api.base_url).removesuffix("/api/v1/")
        told = run(tmp_path / "client", sys.executable, "program.py", VIGIE_URL=address, VIGIE_TOKEN=token)
    assert "co2_ppm" in told
    assert told.endswith("2 sensors\napproved\ncommune\n")
