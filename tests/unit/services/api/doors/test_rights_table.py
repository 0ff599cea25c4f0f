"""Every operation has a line in the table of what it needs, and the page of the documents is that table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from api_process import api_settings
from operations import operations_of

from core.roles import RIGHTS, Right
from services.api.app import create_app
from services.api.doors.rights import NEEDS, rights_of
from services.api.doors.rights_page import rights_page

ROOT = Path(__file__).resolve().parents[5]
APP = create_app(api_settings("postgresql://127.0.0.1:1/none"))


def test_every_operation_has_a_line_and_every_line_an_operation() -> None:
    assert {operation.name for operation in operations_of(APP)} == set(NEEDS)


def test_operations_that_change_something_are_open_to_nobody_but_at_the_door() -> None:
    at_the_door = {"sign_in", "sign_out", "enter_by_link", "end_by_provider", "unsubscribe_by_link"}
    open_ones = {
        operation.name
        for operation in operations_of(APP)
        if operation.method in {"POST", "PUT", "PATCH", "DELETE"} and NEEDS[operation.name] is None
    }
    assert open_ones <= at_the_door


def test_each_right_is_needed_by_some_operation_and_given_by_some_role() -> None:
    needed = {right for need in NEEDS.values() for right in rights_of(need)}
    given = {right for rights in RIGHTS.values() for right in rights}
    assert needed == given == set(Right)


def test_the_page_of_rights_is_the_table() -> None:
    assert (ROOT / "docs" / "rights.md").read_text(encoding="utf-8") == rights_page(APP.openapi())


def test_the_command_prints_the_page() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "vigie", "admin", "rights"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == rights_page(APP.openapi())
