"""Which passwords are taken, and how they are looked at."""

from __future__ import annotations

import anyio
import pytest
from argon2 import PasswordHasher

from services.api.doors.passwords import fault_of, hashed, is_outdated, is_password


@pytest.mark.parametrize(
    "password", ["une phrase assez longue", "correct horse battery", "x7#Kp2!vQ9zL", "élèves et maîtres à 8 h"]
)
def test_a_long_and_uncommon_password_is_taken(password: str) -> None:
    assert fault_of(password, "Amina") is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("onze signes", "short"),
        ("", "short"),
        ("aaaaaaaaaaaa", "common"),
        ("Motdepasse2026!", "common"),
        ("1q2w3e4r5t6y", "common"),
        ("AminaDiallo1998", "common"),
    ],
)
def test_a_short_or_common_one_is_not(password: str, fault: str) -> None:
    assert fault_of(password, "Amina Diallo") == fault


def test_only_the_password_that_is_kept_lets_in() -> None:
    kept = anyio.run(hashed, "une phrase assez longue")
    assert kept.startswith("$argon2id$")
    assert anyio.run(is_password, "une phrase assez longue", kept)
    assert not anyio.run(is_password, "une phrase assez longuE", kept)
    assert not anyio.run(is_password, "nobody's", None), "where nothing is kept, nothing lets in"
    assert not anyio.run(is_password, "", "no hash at all")


def test_a_hash_of_weaker_parameters_is_made_anew() -> None:
    assert is_outdated(PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("x"))
    assert not is_outdated(PasswordHasher().hash("x"))
