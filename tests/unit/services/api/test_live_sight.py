"""What of the live feed a visitor sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.roles import Grant, Role
from core.store.live import LiveEvent
from services.api.live_sight import Place, Sight

HERE, THERE = "93051", "75056"
SCHOOL, POOL = 4, 5
SERIES = [{"series_id": 1}, {"series_id": 2}]
ITEMS: list[dict[str, Any]] = [*SERIES, {"kind": "bay", "subject": "b"}, {"kind": "bay", "subject": "c"}]
PLACES: dict[Place, int | None] = {1: SCHOOL, 2: POOL, ("bay", "b"): SCHOOL, ("bay", "c"): None}


def sight(*grants: Grant) -> Sight:
    return Sight.of(grants)


def shown(of: Sight, commune: str) -> list[dict[str, Any]] | None:
    event = of.shown(LiveEvent(1, commune, "readings", json.dumps(ITEMS)), PLACES)
    return None if event is None else event.items


@pytest.mark.parametrize(
    ("grants", "here", "there", "asked"),
    [
        ([Grant(Role.ANALYST)], ITEMS, ITEMS, None),
        ([Grant(Role.ANALYST, HERE)], ITEMS, None, [HERE]),
        ([Grant(Role.BUILDING_MANAGER, HERE, SCHOOL)], [ITEMS[0], ITEMS[2]], None, [HERE]),
        ([Grant(Role.BUILDING_MANAGER, HERE, SCHOOL), Grant(Role.ANALYST, HERE)], ITEMS, None, [HERE]),
        ([Grant(Role.BUILDING_MANAGER, HERE, 99)], None, None, [HERE]),
        ([Grant(Role.AUDITOR), Grant(Role.DRIVER, HERE)], None, None, []),
        ([Grant(Role.AUDITOR), Grant(Role.ANALYST, THERE)], None, ITEMS, [THERE]),
        ([], None, None, []),
    ],
)
def test_a_visitor_sees_what_their_roles_show(
    grants: list[Grant], here: list[object] | None, there: list[object] | None, asked: list[str] | None
) -> None:
    seen = sight(*grants)
    assert (shown(seen, HERE), shown(seen, THERE), seen.asked) == (here, there, asked)
    assert seen.is_empty is (asked == [])


def test_one_commune_is_asked_for_out_of_what_is_seen() -> None:
    everywhere = sight(Grant(Role.ANALYST))
    assert everywhere.within(None) == everywhere
    assert shown(everywhere.within(HERE), HERE) == ITEMS
    assert shown(everywhere.within(HERE), THERE) is None
    school = sight(Grant(Role.BUILDING_MANAGER, HERE, SCHOOL), Grant(Role.ANALYST, THERE))
    assert shown(school.within(HERE), HERE) == [ITEMS[0], ITEMS[2]]
    assert shown(school.within(HERE), THERE) is None
    assert school.within("93001").is_empty


EVERYWHERE, COMMUNE = Grant(Role.ANALYST), Grant(Role.ANALYST, HERE)
SITE, ELSEWHERE = Grant(Role.ANALYST, HERE, SCHOOL), Grant(Role.ANALYST, THERE)


@pytest.mark.parametrize(
    ("now", "before", "is_covered"),
    [
        ([EVERYWHERE], [EVERYWHERE], True),
        ([EVERYWHERE], [COMMUNE, SITE], True),
        ([COMMUNE], [EVERYWHERE], False),
        ([COMMUNE], [COMMUNE, ELSEWHERE], False),
        ([COMMUNE, ELSEWHERE], [COMMUNE], True),
        ([COMMUNE], [SITE], True),
        ([SITE], [COMMUNE], False),
        ([SITE], [SITE], True),
        ([SITE], [Grant(Role.ANALYST, HERE, POOL)], False),
        ([], [SITE], False),
        ([Grant(Role.AUDITOR)], [SITE], False),
    ],
)
def test_less_than_before_does_not_cover_it(now: list[Grant], before: list[Grant], *, is_covered: bool) -> None:
    assert sight(*now).covers(sight(*before)) is is_covered
