"""``vigie alarms`` as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from conftest import ROOT

from core.clock import now
from core.events import Severity
from core.store.episodes import NewAlarm, insert_alarms
from core.store.pool import connected

pytestmark = pytest.mark.integration


def vigie(database_url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``vigie alarms`` with these words."""
    environment = os.environ | {"VIGIE_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "vigie", "alarms", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_alarms_rules_trials_and_maintenance_are_there_at_the_command_line(database_url: str) -> None:
    assert vigie(database_url, "list").stdout == "nothing is alarming\n"
    at = now() - timedelta(hours=2)
    new = NewAlarm(
        name="backup_overdue",
        severity=Severity.CRITICAL,
        commune_insee=None,
        site_id=None,
        since=at,
        until=None,
        confirmed_at=at,
        raised_at=at,
        figures={"made_at": "2026-03-02T08:00:00Z"},
    )
    with connected(database_url) as connection:
        insert_alarms(connection, [new])
        row = connection.execute("SELECT rule_id FROM alarm_rule WHERE preset = 'co2_school_1500'").fetchone()
    assert row is not None
    heads, alarm = vigie(database_url, "list", "--language", "en").stdout.splitlines()
    assert heads.split()[:4] == ["id", "commune", "severity", "state"]
    assert "The newest backup is too old" in alarm

    rules = vigie(database_url, "rules").stdout
    assert "CO₂ au moins à" in rules
    assert "27 décembre 2022" in rules
    tried = vigie(database_url, "trial", str(row[0]), "--days", "7")
    assert tried.stdout == "0 alarms of 0 sensors, in 7 days of 0 series\n"

    opened = vigie(database_url, "maintenance", "open", "93051", "travaux", "--hours", "2")
    assert opened.stdout.startswith("maintenance 1 until "), opened.stderr
    assert "travaux" in vigie(database_url, "maintenance", "list").stdout
    assert vigie(database_url, "maintenance", "end", "1").stdout == "maintenance 1 ended\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trial", "999999"), "there is no rule 999999"),
        (("trial", "1", "--parameters", "{"), "--parameters"),
        (("trial", "1", "--parameters", '{"side": "left"}'), "--parameters"),
        (("maintenance", "open", "93051", "x", "--site", "9"), "there is no site 9"),
        (("maintenance", "end", "9"), "there is no maintenance 9"),
        (("list", "--language", "de"), "--language"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(database_url: str, words: tuple[str, ...], said: str) -> None:
    refused = vigie(database_url, *words)
    assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
