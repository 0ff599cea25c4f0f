"""The words of the pages as templates take them."""

from __future__ import annotations

from typing import Any

import pytest

from services.words import Catalogue

WORDS = {"tries": {"one": "{n} essai", "other": "{n} essais"}, "hello": "Bonjour {name}", "plain": "Bonjour"}


@pytest.mark.parametrize(
    ("language", "n", "said"),
    [("fr", 0, "0 essai"), ("fr", 2, "2 essais"), ("en", 0, "0 essais"), ("en", 1, "1 essai")],
)
def test_the_plural_follows_the_language(language: str, n: int, said: str) -> None:
    assert Catalogue(language, WORDS).text("tries", n=n) == said


def test_what_stands_in_braces_is_filled_in_and_what_is_not_asked_for_is_left_out() -> None:
    words = Catalogue("fr", WORDS)
    assert words.text("hello", name="Nadia") == "Bonjour Nadia"
    assert words.text("plain", name="Nadia") == "Bonjour"


@pytest.mark.parametrize(("key", "values"), [("absent", {}), ("tries.many", {}), ("hello", {})])
def test_a_page_shows_no_key_and_no_brace(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        Catalogue("fr", WORDS).text(key, **values)
