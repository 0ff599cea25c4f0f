"""The pages as they are served: language, policy, versions of files. No browser."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from page_doors import stub_door
from page_stub import DASHBOARDS, serve, stub_app
from page_town import stub_town

from core.roles import Grant, PassKind, Role, Visitor
from services.api.pages import PAGES, ROUND_PAGE, first_page_of, modules_of


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serve(stub_app(stub_town())) as url, httpx.Client(base_url=url) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "cookie", "accepted", "expected"),
    [
        ("/supervision", None, None, "fr"),
        ("/supervision", None, "en-GB,en;q=0.9", "en"),
        ("/supervision", None, "de,fr;q=0.5,en;q=0.8", "en"),
        ("/supervision", None, "de, en;q=0", "fr"),
        ("/supervision", None, "en;q=x", "fr"),
        ("/supervision", "en", "fr", "en"),
        ("/supervision?lang=fr", "en", "en", "fr"),
        ("/supervision?lang=xx", None, "en", "en"),
    ],
)
def test_language_is_the_address_then_the_cookie_then_the_browser(
    client: httpx.Client, path: str, cookie: str | None, accepted: str | None, expected: str
) -> None:
    client.cookies.clear()
    if cookie:
        client.cookies.set("vigie_lang", cookie)
    answer = client.get(path, headers={"Accept-Language": accepted or ""})
    assert f'<html lang="{expected}"' in answer.text
    assert answer.headers["Content-Language"] == expected


def test_a_chosen_language_is_kept(client: httpx.Client) -> None:
    client.get("/supervision?lang=en")
    assert '<html lang="en"' in client.get("/donnees").text


def test_the_first_page_is_supervision_and_keeps_the_address(client: httpx.Client) -> None:
    assert client.get("/").headers["location"] == "/supervision"
    assert client.get("/?commune=93051").headers["location"] == "/supervision?commune=93051"


@pytest.mark.parametrize("path", ["/donnees?commune=93051&view=gaps", "/audit", "/"])
def test_whoever_is_not_let_in_is_led_to_the_sign_in_and_back(path: str) -> None:
    door = stub_door()
    door.signed_in = False
    with serve(stub_app(stub_town(), door)) as url:
        answer = httpx.get(url + path)
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == [path]
    assert urlsplit(answer.headers["location"]).path == "/signin"


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.ANALYST, "supervision"),
        (Role.DISPATCHER, "supervision"),
        (Role.ADMINISTRATOR, "supervision"),
        (Role.AUDITOR, "audit"),
        (Role.DRIVER, "round"),
    ],
)
def test_the_first_page_is_one_that_the_visitor_may_open(role: Role, expected: str) -> None:
    kind = PassKind.LINK if role is Role.DRIVER else PassKind.SESSION
    visitor = Visitor(1, kind, "key", "Nadia", (Grant(role, "93051"),), datetime.now(UTC))
    assert first_page_of(visitor) == expected


@pytest.mark.parametrize("page", [*PAGES, "signin", "enter/abc", "enter/used"])
def test_pages_hold_nothing_inline_under_a_strict_policy(client: httpx.Client, page: str) -> None:
    answer = client.get(f"/{page}")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_the_visitor_writes_in_the_address_is_escaped(client: httpx.Client) -> None:
    assert "<script>alert" not in client.get('/supervision?x="><script>alert(1)</script>').text


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_served_for_a_year(client: httpx.Client, page: str) -> None:
    found = re.findall(r'(?:src|href)="(/(?:static|words)/[^"]+)"', client.get(f"/{page}").text)
    assert len(found) > 10
    for path in (path for path in found if "/vendor/" not in path):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["Cache-Control"], path


def test_a_file_of_another_version_is_asked_again(client: httpx.Client) -> None:
    answer = client.get("/static/older/js/words.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    ["/static/x/%2e%2e/%2e%2e/words/fr.json", "/static/x/%2e%2e/pages/frame.html", "/words/xx.json", "/static/x"],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("page", [*PAGES, ROUND_PAGE])
def test_scripts_stay_within_their_budget(page: str) -> None:
    scripts = DASHBOARDS / "static" / "js"
    whole = b"".join((scripts / f"{name}.js").read_bytes() for name in [page, *modules_of(page, scripts)])
    assert len(gzip.compress(whole)) < 100_000
