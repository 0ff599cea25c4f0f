"""Tries to sign in: counted side by side, by account and by address, forgotten in time, and bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.clock import now
from core.store import sign_in
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.sign_in import TRIES_COUNTED
from services.api.doors.lockout import ACCOUNT_TRIES_MAX, ADDRESS_TRIES_MAX, came_in, tried


def test_tries_side_by_side_are_all_counted(database_url: str) -> None:
    dsn, at = as_login(database_url, Login.DOOR), now()

    def one(number: int) -> int:
        with connected(dsn) as connection:
            return tried(connection, "Amina", f"10.0.0.{number}", at).seconds

    with ThreadPoolExecutor(4) as threads:
        waits = list(threads.map(one, range(ACCOUNT_TRIES_MAX + 4)))
    assert waits.count(0) == ACCOUNT_TRIES_MAX


def test_who_waits_is_told_how_long_and_waits_no_longer(database_url: str) -> None:
    at = now()
    with connected(as_login(database_url, Login.DOOR)) as door:
        told = [tried(door, " AMINA ", "10.0.0.1", at + timedelta(seconds=n)) for n in range(ACCOUNT_TRIES_MAX + 3)]
        assert [one.seconds for one in told[ACCOUNT_TRIES_MAX:]] == [892, 891, 890]
        assert [one.is_new for one in told[ACCOUNT_TRIES_MAX:]] == [True, False, False]
        assert tried(door, "Bruno", "10.0.0.2", at).seconds == 0, "others do not wait"
        assert tried(door, "amina", "10.0.0.1", at + TRIES_COUNTED).seconds == 0


def test_an_address_that_tries_many_accounts_waits(database_url: str) -> None:
    at = now()
    with connected(as_login(database_url, Login.DOOR)) as door:
        for number in range(ADDRESS_TRIES_MAX):
            assert tried(door, f"account {number}", "10.0.0.1", at).seconds == 0
        assert tried(door, "one more", "10.0.0.1", at).seconds == 900
        assert tried(door, "one more", "10.0.0.2", at).seconds == 0


def test_whoever_came_in_begins_anew_but_not_their_address(database_url: str) -> None:
    at = now()
    with connected(as_login(database_url, Login.DOOR)) as door:
        for _ in range(ACCOUNT_TRIES_MAX):
            tried(door, "Amina", "10.0.0.1", at)
        came_in(door, "amina")
        assert tried(door, "Amina", "10.0.0.1", at).seconds == 0
        rows = door.execute("SELECT tries FROM sign_in_count ORDER BY tries").fetchall()
        assert rows == [(1,), (ACCOUNT_TRIES_MAX + 1,)]


def test_what_is_counted_is_bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "COUNTED_MAX", 10)
    with connected(as_login(database_url, Login.DOOR)) as door:
        for number in range(20):
            tried(door, f"account {number}", "10.0.0.1", now())
        [row] = door.execute("SELECT count(*) FROM sign_in_count").fetchall()
        assert row == (10,)
