"""One catalogue, two languages: same keys, same values to fill in, and every word that the pages ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.audit import What
from core.events import EventName
from core.forecasts import Doubt
from core.metrics import METRICS, Family, Nature
from core.places import Origin, SensorKind
from core.readings import Reason
from core.roles import RIGHTS, Right, Role
from models.forecaster import Fallback
from models.regimes import Regime
from services.api.doors.oidc_refusals import Refusal
from services.states import State

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
PLURALS = {"one", "other"}


def _catalogue(language: str) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((DASHBOARDS / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return words


def _entries(words: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, entry in words.items():
        if isinstance(entry, dict) and set(entry) != PLURALS:
            yield from _entries(entry, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry


def _texts(entry: Any) -> list[str]:
    return list(entry.values()) if isinstance(entry, dict) else [entry]


FRENCH, ENGLISH = dict(_entries(_catalogue("fr"))), dict(_entries(_catalogue("en")))


def test_both_languages_have_the_same_keys() -> None:
    assert set(FRENCH) == set(ENGLISH)


@pytest.mark.parametrize("key", sorted(FRENCH))
def test_both_languages_take_the_same_values_and_say_something(key: str) -> None:
    found = [
        {name for text in _texts(entry) for name in re.findall(r"\{(\w+)\}", text)}
        for entry in (FRENCH[key], ENGLISH[key])
    ]
    assert found[0] == found[1]
    assert isinstance(FRENCH[key], dict) == isinstance(ENGLISH[key], dict)
    assert all(text.strip() for entry in (FRENCH[key], ENGLISH[key]) for text in _texts(entry))


@pytest.mark.parametrize("key", sorted(FRENCH))
def test_french_keeps_its_punctuation_on_the_line(key: str) -> None:
    for text in _texts(FRENCH[key]):
        assert not re.search(r" [;:?!%]", text), "a no-break space stands before this mark"
        assert "'" not in text, "the apostrophe of print is ’"


def test_every_word_that_scripts_and_pages_name_is_there() -> None:
    asked = set()
    for path in (*(DASHBOARDS / "static" / "js").glob("*.js"), *(DASHBOARDS / "pages").glob("*.html")):
        asked |= set(re.findall(r"""\bt\(["']([\w.]*\w)["'][,)]""", path.read_text(encoding="utf-8")))
    assert len(asked) > 80
    assert asked - set(FRENCH) == set()


def test_every_value_of_the_core_has_its_words() -> None:
    shares = [metric.name for metric in METRICS.values() if metric.nature is Nature.STATE]
    counts = [metric.name for metric in METRICS.values() if metric.nature is Nature.COUNT]
    needed = {
        *(f"metric.{name}" for name in METRICS),
        *(f"unit.{name}" for name in (*shares, *counts)),
        *(f"value.{name}_{value}" for name in shares for value in (0, 1)),
        *(f"kinds.{kind}" for kind in SensorKind),
        *(f"kind_one.{kind}" for kind in SensorKind),
        *(f"reason.{reason}" for reason in Reason),
        *(f"fallback.{fallback}" for fallback in Fallback),
        *(f"doubt.{doubt}" for doubt in Doubt),
        *(f"models.family_{family}" for family in Family),
        *(f"models.regime_{regime}" for regime in Regime),
        *(f"state.{state}" for state in State),
        *(f"origin.sensor_{origin}" for origin in Origin if origin is not Origin.FIELD),
        *(f"role.{role}" for role in Role),
        *(f"rights.who.{right}" for right in Right),
        *(f"audit.what.{what}" for what in What),
        *(f"event.name.{name.replace('.', '_')}" for name in EventName),
        *(f"signin.refusals.{refusal}" for refusal in Refusal),
    }
    assert needed - set(FRENCH) == set()
    assert {metric.family for metric in METRICS.values()} == set(Family)


@pytest.mark.parametrize("right", [right for right in Right if right not in {Right.SEE, Right.EXPORT}])
def test_who_could_do_it_names_every_role_that_may(right: Right) -> None:
    for words in (FRENCH, ENGLISH):
        said = words[f"rights.who.{right}"]
        assert [role for role, held in RIGHTS.items() if right in held and words[f"role.{role}"] not in said] == []
