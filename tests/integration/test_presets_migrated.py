"""The rules that a migration writes are the presets that the code has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.store.alarm_rules import read_rules
from core.store.pool import connected
from services.alarms.presets import PRESETS
from services.alarms.watching import watches_of

pytestmark = pytest.mark.integration


def test_the_migration_writes_the_presets(database_url: str) -> None:
    with connected(database_url) as connection:
        rules = read_rules(connection)
    assert [replace(one, rule_id=0, since=None, made_by="") for one in rules] == list(PRESETS)
    assert len(watches_of(rules)) == len(PRESETS), "each has parameters that its condition knows"
