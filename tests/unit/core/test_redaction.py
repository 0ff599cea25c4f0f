"""No secret comes through a log line, whoever quoted it; what only looks like one stays."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator

import pytest
import structlog

from core.log import start_log
from core.redaction import redacted

TOKEN = "vigie_" + "Zk3-" * 10 + "q_9"


@pytest.fixture(autouse=True)
def _log_put_back() -> Iterator[None]:
    """Leave the log of the tests as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in ("core", "ingestors", "models", "services", "vigie")}
    yield
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {TOKEN} refused", "token vigie_*** refused"),
        (f"GET /enter/{'a1' * 12}?x=1", "GET /enter/***?x=1"),
        ("Authorization: Bearer abcdefgh.ijkl-mnop", "Authorization: Bearer ***"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***"),
        ("at postgresql://vigie:s3cr/t:x@db:5432/vigie now", "at postgresql://vigie:***@db:5432/vigie now"),
        ("mqtts://ingest:p%40ss@broker", "mqtts://ingest:***@broker"),
        ("host=db password=hush dbname=vigie", "host=db password=*** dbname=vigie"),
        ("host=db password='hush' dbname=vigie", "host=db password='***' dbname=vigie"),
        ('{"client_secret": "hush", "name": "x"}', '{"client_secret": "***", "name": "x"}'),
        (r'{"event": "said {\"password\": \"hush\"}"}', r'{"event": "said {\"password\": \"***\"}"}'),
        ("grant_type=code&code_verifier=hush&x=1", "grant_type=code&code_verifier=***&x=1"),
        ("id_token=eyJhbGciOiJS.eyJzdWIiOiIx.c2lnbmF0dXJl", "id_token=***"),
        ("got eyJhbGciOiJS.eyJzdWIiOiIx.c2lnbmF0dXJl back", "got *** back"),
        ('{"set-cookie": "vigie_session=abc; HttpOnly"}', '{"set-cookie": "***"}'),
        (f"set_config('vigie.key', '{'0f' * 32}', true)", "set_config('vigie.key', '***', true)"),
    ],
)
def test_a_secret_is_cut_out_and_the_rest_stays(text: str, left: str) -> None:
    assert redacted(text) == left
    assert redacted(left) == left, "what was cut is cut no further"


@pytest.mark.parametrize(
    "text",
    [
        "vigie_ingest_heartbeat_duration_seconds_bucket is high",
        "database vigie_verified_0a1b2c3d4e5f dropped",
        "https://vigie.example.org:8443/api/v1/series?after=12",
        "mqtt://127.0.0.1:1883",
        '{"sha256": "' + "0f" * 32 + '"}',
        "the basic question",
        '{"event": "request_answered", "path": "/api/v1/tokens", "status": 200}',
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_no_token_that_is_made_comes_through() -> None:
    for _ in range(500):
        token = "vigie_" + secrets.token_urlsafe(32)
        assert token[6:] not in redacted(f"a {token}.")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_holds_none_whatever_brought_it(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    start_log("test", as_json=as_json)
    log = structlog.get_logger("core.test")
    log.info("call_failed", headers={"Authorization": f"Bearer {TOKEN}"}, url="https://me:hush@example.org/")
    try:
        int(TOKEN)
    except ValueError:
        log.exception("call_failed")
    logging.getLogger("a.library").warning("cannot connect with password=%s", "hush")
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert "hush" not in said
    assert said.count("vigie_***") + said.count("Bearer ***") >= 2
    assert "ValueError" in said
    if as_json:
        assert [json.loads(line)["process"] for line in said.splitlines()] == ["test"] * 3


@pytest.mark.parametrize("piece", ["a.", "x-", "://:", "eyJ-", "vigie_-", "token ", 'cookie"'])
def test_a_line_that_somebody_made_long_is_soon_looked_at(piece: str) -> None:
    # With a look ahead from each place that is bounded by the line only, this takes minutes.
    assert len(redacted(piece * 32_000)) == 32_000 * len(piece)
