"""``vigie rejections`` as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from ingesting import ROOT
from replaying import ROOM, T0, autocommitting, lay, message, refused

from core.intakes import Counts
from core.readings import Reason
from core.store.intakes import read_intakes

pytestmark = pytest.mark.integration


def vigie(database_url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``vigie rejections`` with these words."""
    environment = os.environ | {"VIGIE_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "vigie", "rejections", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_what_is_refused_is_listed_shown_and_replayed(database_url: str) -> None:
    # A topic may hold what a terminal would obey.
    odd = replace(message(5), topic="vigie/v1/\x1b[2J", payload=b"\x00{caf\xc3\xa9}", size_bytes=4_000)
    with autocommitting(database_url) as connection:
        lay(connection, [refused(message(step)) for step in (0, 1, 1)], ROOM)
        lay(connection, [replace(refused(odd, Reason.WRONG_TOPIC), external_id=None, commune_insee=None)])

    listed = vigie(database_url, "list").stdout.splitlines()
    assert listed[0].split() == ["reason", "sensor", "commune", "kept", "came", "replayable", "first", "last"]
    assert listed[1].split() == [
        *("unknown_unit", "room-1", "93066", "2", "3", "2"),
        *("2026-03-02T08:00:00Z", "2026-03-02T08:01:00Z"),
    ]
    assert listed[2].split()[:6] == ["wrong_topic", "-", "-", "1", "1", "0"]

    with autocommitting(database_url) as connection:
        [(rejection_id,)] = connection.execute("SELECT rejection_id FROM rejection WHERE external_id IS NULL")
    shown = vigie(database_url, "show", str(rejection_id)).stdout
    assert "topic     vigie/v1/\\x1b[2J" in shown
    assert "payload   4000 bytes, the first 8 kept" in shown
    assert "000000  00 7b 63 61 66 c3 a9 7d                          .{caf..}" in shown

    wanted = ("replay", "--reason", "unknown_unit", "--sensor", "ROOM-1", "--since", (T0 - timedelta(1)).isoformat())
    tried = vigie(database_url, *wanted, "--dry-run")
    assert tried.stdout == "would be: 2 messages: 2 stored\n"
    with autocommitting(database_url) as connection:
        assert read_intakes(connection) == []
    done = vigie(database_url, *wanted, "--by", "Nadia")
    assert done.stdout == "2 messages: 2 stored\n"
    with autocommitting(database_url) as connection:
        [kept] = read_intakes(connection)
    assert (kept.author, kept.counts) == ("Nadia", Counts(messages=2, stored=2))
    assert vigie(database_url, *wanted).stdout == "0 messages\n"


def test_what_cannot_be_done_is_said_in_one_line(database_url: str) -> None:
    for words, said in (
        (("show", "7"), "vigie: there is no rejection 7"),
        (("replay", "--since", "yesterday"), "vigie: --since: Invalid isoformat string: 'yesterday'"),
        (("list", "--commune", "75000"), "vigie: --commune: 75000 is the INSEE code of no commune of the Métropole"),
    ):
        refusal = vigie(database_url, *words)
        assert refusal.returncode == 2
        assert refusal.stderr.startswith(said)
        assert refusal.stderr.count("\n") == 1
    assert vigie(database_url, "list").stdout == "nothing is refused\n"
