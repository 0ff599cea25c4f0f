"""The logins of the database: one for each process, none of which may do more than its work (docs/adr/0013-doors.md).

The owner, who migrates, sees and may change all. What each login may do is said by the migrations (``0014.roles``,
``0015.least-rights``); that they are there is looked after here, since logins belong to the server: they are in no dump
of a database, and another database of the same server may have made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import structlog
from psycopg import ProgrammingError, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import MigrationFailed
from core.store.pool import Connection

log = structlog.get_logger(__name__)


class Login(StrEnum):
    """Who connects."""

    API = "vigie_api"
    """What requests read and write, each under the pass of its visitor."""
    DOOR = "vigie_door"
    """Who is at the door: people, passes, sign-in; and the live feed's reader."""
    INGEST = "vigie_ingest"
    WORKER = "vigie_worker"


PATHS: Mapping[Login, str] = {Login.API: "seen, public, pg_temp"}
"""In which schemas a login looks for a name, and in which order; the others have the server's own."""
_MAKE = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
_SET_PATH = "ALTER ROLE {} SET search_path = {}"
_LOGINS = """
    SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication
                    OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid), NOT rolcanlogin,
           (SELECT setconfig FROM pg_db_role_setting WHERE setrole = pg_roles.oid AND setdatabase = 0)
      FROM pg_roles WHERE rolname = ANY(%s)
"""


def ensure_roles(connection: Connection) -> None:
    """Have the logins on this server, and nobody but who needs them temporary tables in this database.

    They are made without a password: a server that asks for one lets none of them in until it is set. Safe to call
    again, and while another database of the server makes them.

    Raises
    ------
    MigrationFailed
        If the account may not make them, with what a superuser has to run; or if one of them may do all.
    """
    with connection.transaction():
        lacking = _lacking(connection)
        try:
            for login, statements in lacking.items():
                _run(connection, login, statements)
        except errors.InsufficientPrivilege:
            words = "; ".join(one.as_string(connection) for statements in lacking.values() for one in statements)
            raise MigrationFailed(f"the account may not make logins: have a superuser run {words}") from None
        _check(connection)
        _keep_temporary(connection)


def _lacking(connection: Connection) -> dict[Login, list[sql.Composed]]:
    """Return what is to be run for each login that is not as it should be."""
    known = {name: config or [] for name, _, _, config in connection.execute(_LOGINS, (list(Login),))}
    lacking: dict[Login, list[sql.Composed]] = {}
    for login in Login:
        statements = [] if login in known else [sql.SQL(_MAKE).format(sql.Identifier(login))]
        if (path := PATHS.get(login)) and f"search_path={path}" not in known.get(login, []):
            names = sql.SQL(", ").join(map(sql.Identifier, path.split(", ")))
            statements.append(sql.SQL(_SET_PATH).format(sql.Identifier(login), names))
        if statements:
            lacking[login] = statements
    return lacking


def _run(connection: Connection, login: Login, statements: list[sql.Composed]) -> None:
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
    except (errors.DuplicateObject, errors.UniqueViolation):
        # Another database of this server made it meanwhile, all of it.
        return
    log.info("login_made", login=login)


def _check(connection: Connection) -> None:
    for name, is_mighty, is_shut, _ in connection.execute(_LOGINS, (list(Login),)):
        if is_mighty or is_shut:
            wanted = sql.SQL(_MAKE.replace("CREATE", "ALTER", 1)).format(sql.Identifier(name)).as_string(connection)
            raise MigrationFailed(f"the login {name} may do more than its work, or not log in: run {wanted}")


def _keep_temporary(connection: Connection) -> None:
    """Let only those make temporary tables who need them. A right on the database: in no dump, and in no copy of it."""
    [name] = connection.execute("SELECT current_database()").fetchone() or [None]
    database = sql.Identifier(str(name))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
            connection.execute(
                sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}, {}").format(
                    database, sql.Identifier(Login.INGEST), sql.Identifier(Login.WORKER)
                )
            )
    except (errors.InsufficientPrivilege, errors.InternalError_) as error:
        # Not the owner of the database, or the database is altered by somebody else just now.
        log.warning("temporary_tables_for_all", reason=error.diag.message_primary)


def set_passwords(connection: Connection, passwords: Mapping[Login, str]) -> None:
    """Give logins their passwords, in one transaction or the caller's; an empty one leaves what is set.

    Raises
    ------
    MigrationFailed
        If the account may not.
    """
    with connection.transaction():
        for login, password in passwords.items():
            if password:
                _set_password(connection, login, password)


def _set_password(connection: Connection, login: Login, password: str) -> None:
    # Enciphered here: the server's log of statements never has it as it is.
    kept = connection.pgconn.encrypt_password(password.encode(), login.value.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(kept.decode()))
    try:
        connection.execute(statement)
    except errors.InsufficientPrivilege:
        raise MigrationFailed(f"the account may not set the password of the login {login}") from None


def as_login(dsn: str, login: Login) -> str:
    """Return the address with this login: for a server that trusts those who reach it, as the embedded one does."""
    return make_conninfo(dsn, user=login.value)


def connects_as(dsn: str, login: Login) -> bool:
    """Whether who connects by this address is this login."""
    try:
        return conninfo_to_dict(dsn).get("user") == login.value
    except ProgrammingError:
        return False
