"""The logins of the database are there, may do their work and no more, and say the same of roles as the code."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.errors import MigrationFailed
from core.roles import RIGHTS
from core.store import roles
from core.store.pool import connected
from core.store.roles import Login, as_login, ensure_roles, set_passwords
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


class Unheard(StrEnum):
    """A login that a server does not have yet."""

    API = "vigie_unheard"


@pytest.fixture
def unheard(database_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have one login only, which is not there; it is removed after the test. Give the maintenance address."""
    monkeypatch.setattr(roles, "Login", Unheard)
    monkeypatch.setattr(roles, "PATHS", {Unheard.API: "seen, public, pg_temp"})
    monkeypatch.setattr(roles, "_keep_temporary", lambda _: None)
    address = database_server.address("postgres")
    yield address
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS vigie_unheard")


def test_the_database_gives_each_role_the_rights_that_the_code_gives(database_url: str) -> None:
    with connected(database_url) as connection:
        found = set(connection.execute('SELECT role, "right" FROM role_right').fetchall())
    assert found == {(role, right) for role, rights in RIGHTS.items() for right in rights}


def test_no_login_may_do_more_than_log_in(database_url: str) -> None:
    with connected(database_url) as connection:
        found = connection.execute(
            """
            SELECT rolname, rolcanlogin, rolsuper OR rolinherit OR rolcreaterole OR rolcreatedb OR rolreplication
                                         OR rolbypassrls
              FROM pg_roles WHERE rolname LIKE 'vigie\\_%' ORDER BY rolname
            """
        ).fetchall()
    assert [row for row in found if row[0] in set(Login)] == [(login, True, False) for login in sorted(Login)]


def test_the_api_looks_for_what_is_seen_first(database_url: str) -> None:
    with connected(as_login(database_url, Login.API)) as connection:
        assert connection.execute("SELECT current_schemas(false)").fetchall() == [(["seen", "public"],)]


def test_a_login_that_is_not_there_is_made_once_and_without_a_password(unheard: str) -> None:
    with connected(unheard) as connection:
        ensure_roles(connection)
        ensure_roles(connection)
        made = connection.execute(
            "SELECT rolcanlogin, rolsuper, rolpassword FROM pg_authid WHERE rolname = 'vigie_unheard'"
        ).fetchall()
    assert made == [(True, False, None)]


def test_two_databases_of_a_server_may_make_it_at_once(unheard: str) -> None:
    with connected(unheard) as first, connected(unheard) as second:
        lacking = roles._lacking(second)  # noqa: SLF001 - what the second saw before the first was done
        ensure_roles(first)
        first.commit()
        for login, statements in lacking.items():
            roles._run(second, login, statements)  # noqa: SLF001 - as above
        assert second.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'vigie_unheard'").fetchone() == (1,)


def test_an_account_that_may_not_make_it_says_what_to_run(unheard: str) -> None:
    with psycopg.connect(unheard, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN")
    try:
        with (
            connected(make_conninfo(unheard, user="plain_owner")) as connection,
            pytest.raises(
                MigrationFailed, match=r'superuser run CREATE ROLE "vigie_unheard" LOGIN NOSUPERUSER .*; ALTER'
            ),
        ):
            ensure_roles(connection)
    finally:
        with psycopg.connect(unheard, autocommit=True) as connection:
            connection.execute("DROP ROLE plain_owner")


def test_a_login_that_may_do_all_is_not_worked_with(unheard: str) -> None:
    with connected(unheard) as connection:
        connection.execute("CREATE ROLE vigie_unheard LOGIN BYPASSRLS")
        with pytest.raises(MigrationFailed, match=r'may do more than its work.* run ALTER ROLE "vigie_unheard" LOGIN'):
            ensure_roles(connection)
        connection.rollback()


def test_a_password_is_kept_enciphered_and_an_empty_one_leaves_it(unheard: str) -> None:
    with connected(unheard) as connection:
        ensure_roles(connection)
        for password in ("a password of the api", ""):
            set_passwords(connection, {Login("vigie_api"): "", Unheard.API: password})  # type: ignore[dict-item]
            [(kept,)] = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'vigie_unheard'")
            assert kept.startswith("SCRAM-SHA-256$")


def test_only_those_who_need_temporary_tables_may_make_them(database_url: str) -> None:
    with connected(database_url) as connection:
        # A right on the database itself is in no copy of it.
        ensure_roles(connection)
    for login in Login:
        with psycopg.connect(as_login(database_url, login)) as connection:
            may = connection.execute("SELECT has_database_privilege(current_database(), 'TEMPORARY')").fetchone()
        assert may == (login in {Login.INGEST, Login.WORKER},)
