"""Which requests a browser says a page of ours made, and where a sign-in may lead."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from services.api.doors.csrf import is_ours
from services.api.doors.origins import own_path


def request(**headers: str) -> Request:
    given = {"host": "vigie.example.org", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request(
        {
            "type": "http",
            "method": "POST",
            "scheme": "https",
            "path": "/signin",
            "query_string": b"",
            "server": ("10.0.0.1", 8080),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"origin": "https://vigie.example.org"},
        {"origin": "https://public.example.org"},
    ],
)
def test_a_page_of_ours_is_believed(headers: dict[str, str]) -> None:
    assert is_ours(request(**headers), "https://public.example.org/")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "https://vigie.example.org"},
        {"origin": "null"},
        {"origin": "http://vigie.example.org"},
        {"origin": "https://vigie.example.org.evil.example"},
        {"origin": ""},
    ],
)
def test_no_other_page_is(headers: dict[str, str]) -> None:
    assert not is_ours(request(**headers), "https://public.example.org/")
    assert not is_ours(request(**headers), "")


@pytest.mark.parametrize("asked", ["/", "/donnees?x=1#y", "/round"])
def test_a_path_of_ours_is_where_one_goes_on(asked: str) -> None:
    assert own_path(asked) == asked


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "donnees",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n",
        "https://evil.example",
        "javascript:x",
    ],
)
def test_nothing_else_is(asked: str) -> None:
    assert own_path(asked) == "/"
