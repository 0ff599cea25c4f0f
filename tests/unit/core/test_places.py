"""The communes of the Métropole: 130 today, 131 before 2025, the merger known."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from core.places import communes, current_commune


def test_there_are_130_communes_today_and_131_ever() -> None:
    everyone = communes()
    assert len(everyone) == 131
    assert sum(commune.member_until is None for commune in everyone.values()) == 130


def test_codes_are_five_characters_of_text() -> None:
    assert all(len(insee) == 5 and insee == commune.insee for insee, commune in communes().items())


def test_departments_count_as_published() -> None:
    counts = Counter(c.department for c in communes().values() if c.member_until is None)
    assert counts == {"75": 1, "92": 36, "93": 39, "94": 47, "91": 6, "95": 1}


def test_pierrefitte_is_saint_denis_since_2025() -> None:
    pierrefitte = communes()["93059"]
    assert pierrefitte.member_until == date(2025, 1, 1)
    assert current_commune("93059").name == "Saint-Denis"
    assert current_commune("93051").name == "Noisy-le-Grand"


def test_only_paris_is_in_no_territory() -> None:
    assert [c.name for c in communes().values() if not c.territory_code] == ["Paris"]


def test_a_commune_outside_the_metropole_is_unknown() -> None:
    with pytest.raises(KeyError):
        current_commune("13055")
