"""``vigie webhooks`` as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from conftest import ROOT
from receiver import Receiver
from webhooking import asked, flood, listen

from core.clock import format_instant, now

pytestmark = pytest.mark.integration


def vigie(database_url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``vigie webhooks`` with these words."""
    environment = os.environ | {"VIGIE_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "vigie", "webhooks", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_webhooks_are_listed_and_sent_again_what_they_missed(database_url: str) -> None:
    assert vigie(database_url, "list").stdout == "there is no webhook\n"
    began = format_instant(now() - timedelta(minutes=1))
    flood(database_url, "bin-1", "bin-2")
    webhook_id, _ = listen(database_url, Receiver(port=8443), path="/hook?secret=1")
    heads, row = vigie(database_url, "list").stdout.splitlines()
    assert heads.split()[:7] == ["id", "name", "host", "events", "communes", "state", "waiting"]
    assert row.split()[:8] == [str(webhook_id), "a", "test", "127.0.0.1:8443", "alarm.*", "93051", "active", "0"]
    assert "secret" not in row

    replayed = vigie(database_url, "replay", str(webhook_id), "--from", began)
    assert replayed.stdout == "a test: 2 events are sent again\n"
    assert asked(database_url, "SELECT count(*) FROM delivery WHERE state = 'waiting'") == 2
    for words, said in (
        (("404", "--from", began), "there is no webhook 404"),
        ((str(webhook_id), "--from", "yesterday"), "--from"),
    ):
        refused = vigie(database_url, "replay", *words)
        assert (refused.returncode, said in refused.stderr) == (2, True)
