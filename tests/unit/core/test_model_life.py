"""Who spoke before whom, as reigns tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.model_life import SAID_MAX, Better, Reign, line_of

START = datetime(2026, 3, 1, tzinfo=UTC)


def reigns(*models: int) -> list[Reign]:
    return [Reign("co2_ppm", START + n * timedelta(days=1), model, "Nadia", "x") for n, model in enumerate(models)]


@pytest.mark.parametrize(
    ("spoke", "line"),
    [
        ((), []),
        ((3,), [3]),
        ((3, 5, 8), [3, 5, 8]),
        # Rolled back once, and twice: never to and fro.
        ((3, 5, 8, 5), [3, 5]),
        ((3, 5, 8, 5, 3), [3]),
        # What comes after a roll back stands on it.
        ((3, 5, 8, 5, 9), [3, 5, 9]),
        ((3, 5, 3, 5), [3, 5]),
    ],
)
def test_a_model_that_is_put_back_takes_those_away_that_came_after_it(spoke: tuple[int, ...], line: list[int]) -> None:
    assert line_of(reigns(*spoke)) == line


@pytest.mark.parametrize("why", ["", "  ", "x" * (SAID_MAX + 1)])
def test_nobody_speaks_without_a_reason(why: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        Reign("co2_ppm", START, 3, "Nadia", why)
    assert Reign("co2_ppm", START, 3, "Nadia", "x" * SAID_MAX).why


@pytest.mark.parametrize(
    "why", ["first", "7", "[]", "null", "{}", '{"rule": "worse"}', '{"rule": "better"}', "pinball 1.1% under"]
)
def test_what_says_no_figures_is_no_figures(why: str) -> None:
    assert Better.read(why) is None
