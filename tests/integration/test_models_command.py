"""``vigie models`` as a person types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.model_life import PLATFORM, Reign, StoredModel
from core.store import models as kept
from core.store.pool import connected
from vigie.__main__ import main

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def vigie(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run ``vigie models`` with these words, in this process: a process each would take a minute in all."""
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["vigie", "models", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Said(int(ended.value.code or 0), told.out, told.err)

    return run


def keep(database_url: str, days: int, *, speaks: bool) -> int:
    """Keep a model of so many days after the first, with an artifact that nobody can read; return its id."""
    at = T0 + days * DAY
    model = StoredModel("power_kw", at, at - 120 * DAY, at, 9_000, 3, 4.0, {"validation": {"skill": 0.21}}, seed=1)
    with connected(database_url) as connection:
        model_id = kept.write_model(connection, model, b"no model")
        if speaks:
            kept.promote(connection, Reign("power_kw", at + timedelta(hours=1), model_id, PLATFORM, "better"))
    return model_id


def test_models_are_listed_let_speak_rolled_back_and_checked(database_url: str, vigie: Callable[..., Said]) -> None:
    assert vigie("list").out == "no model was trained yet: the naive forecast speaks\n"
    first, second = keep(database_url, 0, speaks=True), keep(database_url, 7, speaks=False)
    heads, champion, challenger = vigie("list").out.splitlines()
    assert heads.split()[:2] == ["model", "metric"]
    assert (champion.split()[0], "speaks" in champion, "0.210" in champion) == (str(first), True, True)
    assert (challenger.split()[0], "challenger" in challenger) == (str(second), True)

    assert vigie("promote", str(second), "--why", "essai").code == 0
    shown = json.loads(vigie("show", str(second)).out)
    assert [one["why"] for one in shown["reigns"]] == ["better", "essai"]
    back = vigie("rollback", "power_kw", "--why", "trop bas")
    assert back.out.startswith(f"model {first} speaks for power_kw again")
    for words, said in (
        (("promote", str(first), "--why", "x"), "speaks for power_kw since"),
        (("rollback", "power_kw", "--why", "x"), "no model spoke before"),
        (("show", "404"), "there is no model 404"),
        (("card", str(first), "--language", "de"), "--language"),
        (("promote", str(second), "--why", " "), "1 to 500 characters"),
    ):
        refused = vigie(*words)
        assert (refused.code, said in refused.err) == (2, True), refused.err
    assert "Fiche du modèle" in vigie("card", str(first)).out

    checked = vigie("check")
    assert checked.code == 1
    assert f"model {first} of power_kw: artifact is damaged" in checked.out
    assert "and it speaks" in checked.out
    assert checked.out.endswith("2 models, 2 damaged or of another version\n")
