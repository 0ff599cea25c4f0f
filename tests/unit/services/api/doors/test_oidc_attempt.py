"""A sign-in under way: good in the browser that began it, once, for ten minutes."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.api.doors import oidc_attempt
from services.api.doors.cookies import Seal
from services.api.doors.oidc_attempt import LASTS, Attempt, Attempts
from services.api.doors.oidc_refusals import Refusal, SignInRefused

KEYS = ["the key before, of thirty-two letters", "the key of today, of thirty-two letters"]


def request(cookies: Iterable[str] = (), scheme: str = "https") -> Request:
    """Return a request that carries these cookies."""
    headers = [(b"host", b"vigie.example.org"), (b"cookie", "; ".join(cookies).encode())]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "scheme": scheme, "headers": headers, "query_string": b""}
    )


def given(attempts: Attempts, attempt: Attempt, scheme: str = "https") -> tuple[str, str]:
    """Return the cookie that a browser is given, and all its words."""
    response = Response()
    attempts.give(request(scheme=scheme), response, attempt)
    words = response.headers["set-cookie"]
    return words.partition(";")[0], words


def test_the_browser_that_began_ends_it_once() -> None:
    attempts, attempt = Attempts(Seal(KEYS)), Attempt.begun("/tournees?day=2026-03-02")
    cookie, words = given(attempts, attempt)
    assert words.startswith("__Host-vigie-signin=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure", "Max-Age=600"} <= set(words.split("; "))
    assert attempts.take(request([cookie]), attempt.state) == attempt
    with pytest.raises(SignInRefused, match="used already") as refused:
        attempts.take(request([cookie]), attempt.state)
    assert refused.value.refusal is Refusal.STARTED_ELSEWHERE


def test_any_other_browser_does_not() -> None:
    attempts, attempt, other = Attempts(Seal(KEYS)), Attempt.begun("/"), Attempt.begun("/")
    cookie, _ = given(attempts, other)
    name, _, value = cookie.partition("=")
    for cookies in ([], [f"{name}={value[:-2]}"], [f"{name}=x"]):
        with pytest.raises(SignInRefused, match="no attempt"):
            attempts.take(request(cookies), attempt.state)
    for state in (attempt.state, "", "é", other.state[:-1]):
        with pytest.raises(SignInRefused, match="another attempt"):
            attempts.take(request([cookie]), state)


def test_the_secret_before_still_holds_and_a_foreign_one_does_not() -> None:
    attempt = Attempt.begun("/")
    before, _ = given(Attempts(Seal(KEYS[:1])), attempt)
    assert Attempts(Seal(KEYS)).take(request([before]), attempt.state) == attempt
    foreign, _ = given(Attempts(Seal(["a key of somebody else, rather long"])), attempt)
    with pytest.raises(SignInRefused):
        Attempts(Seal(KEYS)).take(request([foreign]), attempt.state)


def test_an_attempt_lasts_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, attempt = Attempts(Seal(KEYS)), Attempt.begun("/")
    cookie, _ = given(attempts, attempt)
    began_s = time.time()
    monkeypatch.setattr(time, "time", lambda: began_s + LASTS.total_seconds() + 2)
    with pytest.raises(SignInRefused, match="too old"):
        attempts.take(request([cookie]), attempt.state)


def test_over_plain_http_the_cookie_has_a_plain_name() -> None:
    attempts, attempt = Attempts(Seal(KEYS)), Attempt.begun("/")
    cookie, words = given(attempts, attempt, scheme="http")
    assert cookie.startswith("vigie-signin=")
    assert "Secure" not in words
    assert attempts.take(request([cookie], scheme="http"), attempt.state) == attempt


def test_what_one_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_attempt, "USED_MAX", 2)
    attempts, began = Attempts(Seal(KEYS)), [Attempt.begun("/") for _ in range(3)]
    cookies = [given(attempts, attempt)[0] for attempt in began]
    for attempt, cookie in zip(began, cookies, strict=True):
        attempts.take(request([cookie]), attempt.state)
    # The oldest is forgotten: the provider still refuses its code.
    assert attempts.take(request([cookies[0]]), began[0].state) == began[0]
    with pytest.raises(SignInRefused):
        attempts.take(request([cookies[2]]), began[2].state)


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B.
    attempt = Attempt("state", "nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "/")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    assert base64.urlsafe_b64decode(attempt.challenge + "=") == digest


def test_nothing_in_it_can_be_guessed() -> None:
    began = [Attempt.begun("/") for _ in range(100)]
    words = {word for attempt in began for word in (attempt.state, attempt.nonce, attempt.verifier)}
    assert len(words) == 300
    # ProConnect asks for 32 letters at least, PKCE for 43.
    assert all(len(word) >= 43 for word in words)
