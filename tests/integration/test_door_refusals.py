"""What is put on record of those whom the sign-in refuses, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api_process import api_running_with, api_settings
from test_doors import ORIGIN, PASSWORD, enter_by_link, person, sign_in

from core.roles import Grant, Role
from core.store.audit import WantedActs, read_acts
from core.store.pool import connected


@pytest.fixture
def site(database_url: str) -> Iterator[httpx.Client]:
    """A browser on the pages of a running API."""
    with api_running_with(api_settings(database_url)) as api:
        root = str(api.base_url).removesuffix("/api/v1/")
        with httpx.Client(base_url=root, headers=ORIGIN, timeout=10) as browser:
            yield browser


def acts_of(database_url: str) -> list[tuple[str, str]]:
    with connected(database_url) as connection:
        return [(act.what, act.who.name) for act in read_acts(connection, WantedActs(), limit=50)[::-1]]


def test_a_password_that_was_typed_as_a_name_is_not_on_record(database_url: str, site: httpx.Client) -> None:
    for _ in range(9):
        sign_in(site, PASSWORD, "amina")
    assert acts_of(database_url) == [("sign_in_refused", "?")] * 8 + [("locked_out", "?")]


def test_who_is_shut_out_or_has_no_role_is_on_record_as_refused(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", Grant(Role.ANALYST)), PASSWORD)
    site.cookies.clear()
    before = len(acts_of(database_url))
    with connected(database_url) as connection:
        connection.execute("DELETE FROM person_grant")
    assert sign_in(site, "amina", PASSWORD).status_code == 403
    with connected(database_url) as connection:
        connection.execute("UPDATE person SET disabled_at = now()")
    assert sign_in(site, "amina", PASSWORD).status_code == 403
    assert acts_of(database_url)[before:] == [("sign_in_refused", "Amina")] * 2


def test_a_name_that_the_store_does_not_take_is_refused(site: httpx.Client) -> None:
    assert sign_in(site, "a\0b", PASSWORD).status_code == 422


def test_an_address_that_opens_no_round_signs_nobody_out(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", Grant(Role.ANALYST)), PASSWORD)
    assert site.get("/round/vigie_nothing").status_code == 410
    assert site.get("/api/v1/me").status_code == 200
    # What a shared browser shows is kept by nobody who does not ask again.
    assert site.get("/ngsi-ld/v1/nowhere").headers["cache-control"] == "no-store"
