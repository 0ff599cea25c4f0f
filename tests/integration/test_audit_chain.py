"""The record of acts on a real server: its chain under many writers, who stands in it, and that it does not change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from passes import enter
from psycopg.types.json import Jsonb

from core.audit import Act, Entry, Head, What, Who, WhoKind, canonical, canonical_json, parse_json
from core.audit_check import Fault, Trace, Verdict, check
from core.clock import now
from core.passes import key_of
from core.roles import Grant, Role
from core.store.audit import (
    WantedActs,
    chain_read,
    prune_acts,
    read_acts,
    read_chain,
    record,
    record_all,
    record_at_the_door,
    say_origin,
    write_kept_days,
)
from core.store.pool import connected, entered
from core.store.roles import Login, as_login

NOISY, MONTREUIL = "93051", "93048"
TECHNICIAN = Grant(Role.TECHNICIAN, NOISY)


def verdict_of(database_url: str, noted: Head | None = None) -> Verdict:
    with connected(database_url) as connection, chain_read(connection) as (chain, entries):
        return check(entries, chain.start, chain.head, noted)


def acts_of(database_url: str) -> list[Entry]:
    with connected(database_url) as connection, chain_read(connection) as (_, entries):
        return list(entries)


def write_acts(database_url: str, count: int) -> None:
    with connected(database_url) as connection:
        record_all(connection, [Act(What.SENSOR_EDITED, f"sensor:{one}", NOISY) for one in range(count)])


def test_eight_writers_make_one_chain(database_url: str) -> None:
    secrets = [enter(database_url, TECHNICIAN, name=f"writer {one}") for one in range(8)]
    before = len(acts_of(database_url))
    failed: list[Exception] = []

    def write(key: str) -> None:
        try:
            with connected(as_login(database_url, Login.API)) as connection:
                for one in range(25):
                    entered(connection, key)
                    record(connection, Act(What.SENSOR_EDITED, f"sensor:{one}", NOISY))
                    record(connection, Act(What.SENSOR_MOVED, f"sensor:{one}", NOISY))
                    (connection.rollback if one % 5 == 0 else connection.commit)()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=write, args=(key_of(secret),)) for secret in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    entries = acts_of(database_url)[before:]
    assert len(entries) == 8 * 20 * 2
    assert [one.number for one in entries] == list(range(before + 1, before + 321))
    assert [one.at for one in entries] == sorted(one.at for one in entries)
    # Acts of one transaction stand together, in their order.
    assert all(
        one.who == two.who and one.target == two.target for one, two in zip(entries[::2], entries[1::2], strict=True)
    )
    assert verdict_of(database_url).fault is None


def test_who_acts_comes_from_the_pass_and_from_nothing_else(database_url: str) -> None:
    secret = enter(database_url, TECHNICIAN, name="Nadia")
    with connected(as_login(database_url, Login.API)) as connection:
        entered(connection, key_of(secret))
        say_origin(connection, "192.0.2.7", "a" * 500)
        record(connection, Act(What.POLICY_SET, "subject:round:x", NOISY, {"trucks": 1}, {"trucks": 2}))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            record_at_the_door(connection, Who(WhoKind.SESSION, "Rachid"), Act(What.SIGNED_IN))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("INSERT INTO audit_asked (kind, name, what) VALUES ('session', 'Rachid', 'signed_in')")
    last = acts_of(database_url)[-1]
    assert (last.who.kind, last.who.name, last.who.address, last.who.agent) == (
        "token",
        "Nadia",
        "192.0.2.7",
        "a" * 200,
    )
    assert (last.before, last.after) == ({"trucks": 1}, {"trucks": 2})


@pytest.mark.parametrize("key", ["", "0" * 64, "no key"])
def test_who_has_no_pass_puts_nothing_on_record(database_url: str, key: str) -> None:
    with connected(as_login(database_url, Login.API)) as connection:
        entered(connection, key)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            record(connection, Act(What.SIGNED_IN))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("SELECT audit_visit('signed_in', '', NULL, NULL, NULL)")


def test_others_are_recorded_as_what_they_are(database_url: str) -> None:
    with connected(as_login(database_url, Login.DOOR)) as connection:
        who = Who(WhoKind.DOOR, "nadia@example.org", address="192.0.2.8", agent="test")
        record_at_the_door(connection, who, Act(What.SIGN_IN_REFUSED))
    with connected(as_login(database_url, Login.WORKER)) as connection:
        record(connection, Act(What.INTAKE_ASKED, "intake:1"))
    with connected(database_url) as connection:
        record(connection, Act(What.RETENTION_SET, "family:air"))
    door, worker, command = acts_of(database_url)[-3:]
    assert door.who == who
    assert (worker.who.kind, worker.who.name) == (WhoKind.PROCESS, "vigie_worker")
    assert command.who.kind is WhoKind.COMMAND
    assert command.who.name not in {"", "vigie_worker"}


def test_an_act_and_its_record_are_kept_together_or_not_at_all(database_url: str) -> None:
    before = acts_of(database_url)
    with connected(database_url) as killer, psycopg.connect(database_url) as connection:
        connection.execute("UPDATE retention SET author = author")
        connection.execute("CREATE TABLE acted ()")
        record(connection, Act(What.RETENTION_SET))
        killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
        connection.close()
        assert killer.execute("SELECT to_regclass('acted')").fetchone() == (None,)
    assert acts_of(database_url) == before
    with connected(database_url) as connection:
        record(connection, Act(What.RETENTION_SET))
    assert [one.number for one in acts_of(database_url)][-1] == len(before) + 1


def test_an_act_that_cannot_be_recorded_is_not_done(database_url: str) -> None:
    statement = "CREATE TABLE acted AS SELECT FROM audit_act('No word', '', NULL, NULL, NULL, 'root')"
    with pytest.raises(psycopg.errors.CheckViolation), connected(database_url) as connection:
        connection.execute(statement)
    with connected(database_url) as connection:
        assert connection.execute("SELECT to_regclass('acted')").fetchone() == (None,)


NASTY: list[dict[str, Any]] = [
    {},
    {"bb": 1, "a": 2, "é": 3, "c": 4, "": 5, "z" * 300: 6, "🚚": 7, "\u07ff": 8, "\uffff": 9},
    {"numbers": [0, -1, 10**30, 1.5, 1e-7, 1e22, -0.0, 123456.789e3]},
    {
        "strings": [
            "",
            '"',
            "\\",
            "/",
            "\b\f\n\r\t",
            "\x01\x1f\x7f\x80",
            "\u2028\u2029",
            "é",
            "e\u0301",
            "🚚",
            "<script>",
        ]
    },
    {"none": None, "yes": True, "no": False, "deep": [[[{"a": [{}, []]}]]]},
]


@pytest.mark.parametrize("told", NASTY)
def test_the_canonical_form_is_the_same_here_and_there(database_url: str, told: dict[str, Any]) -> None:
    with connected(database_url) as connection:
        record_at_the_door(connection, Who(WhoKind.DOOR, 'a"\\é🚚\n'), Act(What.SIGNED_IN, "é:\t", NOISY, told, told))
    last = acts_of(database_url)[-1]
    with connected(database_url) as connection:
        row = connection.execute(
            "SELECT audit_canonical(audit) FROM audit WHERE number = %s", (last.number,)
        ).fetchone()
        assert row == (canonical(last),)
    assert verdict_of(database_url).fault is None


@pytest.mark.parametrize(
    "text", ["1.0", "1.50", "-0", "-0.0", "1e5", "1E-10", "1.5e3", "100e-2", "0e0", "1" * 400, "0.1e-300"]
)
def test_numbers_are_written_as_the_database_writes_them(database_url: str, text: str) -> None:
    with connected(database_url) as connection:
        row = connection.execute("SELECT %s::jsonb::text", (text,)).fetchone()
    assert row == (canonical_json(parse_json(text)),)
    assert row == (canonical_json(parse_json(row[0])),)


def test_what_is_too_large_stands_in_the_record_by_its_digest(database_url: str) -> None:
    with connected(database_url) as connection:
        record(connection, Act(What.POLICY_SET, "x" * 400, after={"large": "x" * 70_000}))
        record(connection, Act(What.POLICY_SET, after={"large": "x" * 60_000}))
        record(connection, Act(What.POLICY_SET))
    large, kept, bare = acts_of(database_url)[-3:]
    assert (large.before, bare.before, bare.after) == (None, None, None)
    assert large.after is not None
    assert kept.after is not None
    assert set(large.after) == {"bytes", "sha256"}
    assert len(large.target) == 300
    assert set(kept.after) == {"large"}


CHANGES = [
    "UPDATE audit SET name = 'Rachid' WHERE number = 3",
    "DELETE FROM audit WHERE number = 3",
    "TRUNCATE audit",
    "TRUNCATE audit_chain",
    "UPDATE audit_chain SET number = 2",
    "UPDATE audit_chain SET number = number + 1",
    "UPDATE audit_chain SET pruned_number = 3, pruned_hash = (SELECT hash FROM audit WHERE number = 3)",
]


@pytest.mark.parametrize("login", [None, *Login])
def test_nobody_changes_it(database_url: str, login: Login | None) -> None:
    write_acts(database_url, 5)
    with connected(database_url if login is None else as_login(database_url, login)) as connection:
        for statement in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)
    assert verdict_of(database_url).fault is None


TAMPERINGS: list[tuple[list[str], Fault]] = [
    (["UPDATE audit SET name = 'Rachid' WHERE number = 5"], Fault(Trace.CHANGED, 5)),
    (["UPDATE audit SET after = '{\"a\": 1.0}' WHERE number = 5"], Fault(Trace.CHANGED, 5)),
    (["UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 5"], Fault(Trace.CHANGED, 5)),
    (["DELETE FROM audit WHERE number = 5"], Fault(Trace.REMOVED, 5)),
    (["DELETE FROM audit WHERE number = 1"], Fault(Trace.REMOVED, 1)),
    (
        ["DELETE FROM audit WHERE number = 5", "UPDATE audit SET number = number - 1 WHERE number > 5"],
        Fault(Trace.REMOVED, 5),
    ),
    (
        [
            "UPDATE audit SET number = -number WHERE number > 5",
            "UPDATE audit SET number = 1 - number WHERE number < 0",
            """
            INSERT INTO audit SELECT 6, at, kind, pass_id, person_id, 'Rachid', address, agent, what, target,
                   commune_insee, before, after, hash FROM audit WHERE number = 5
            """,
        ],
        Fault(Trace.INSERTED, 6),
    ),
    (
        [
            "UPDATE audit SET number = 100 WHERE number = 5",
            "UPDATE audit SET number = 5 WHERE number = 8",
            "UPDATE audit SET number = 8 WHERE number = 100",
        ],
        Fault(Trace.REORDERED, 5),
    ),
    (["DELETE FROM audit WHERE number > 15"], Fault(Trace.CUT, 16)),
]


@pytest.mark.parametrize(("statements", "fault"), TAMPERINGS)
def test_tampering_shows(database_url: str, statements: list[str], fault: Fault) -> None:
    write_acts(database_url, 20)
    with connected(database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit DROP CONSTRAINT audit_number_check")
        for statement in statements:
            connection.execute(statement)
    assert verdict_of(database_url).fault == fault


def test_a_tail_that_was_cut_with_its_head_shows_by_a_noted_head(database_url: str) -> None:
    write_acts(database_url, 20)
    with connected(database_url) as connection:
        noted = read_chain(connection).head
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit_chain DISABLE TRIGGER USER")
        connection.execute("DELETE FROM audit WHERE number > 15")
        connection.execute(
            "UPDATE audit_chain SET (number, hash) = (SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1)"
        )
    assert verdict_of(database_url).fault is None
    assert verdict_of(database_url, noted).fault == Fault(Trace.CUT, 16)


def age(database_url: str, count: int, days: int) -> None:
    """Have the first acts be older than they are, chained as if they had always been."""
    with connected(database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute("UPDATE audit SET at = at - make_interval(days => %s) WHERE number <= %s", (days, count))
        connection.execute("ALTER TABLE audit ENABLE TRIGGER USER")


def test_what_is_older_than_it_is_kept_goes_and_the_chain_holds(database_url: str) -> None:
    write_acts(database_url, 20)
    with connected(database_url) as connection:
        write_kept_days(connection, 400)
    age(database_url, 8, 401)
    with connected(as_login(database_url, Login.WORKER)) as connection:
        assert prune_acts(connection) == 8
    with connected(as_login(database_url, Login.WORKER)) as connection:
        assert prune_acts(connection) == 0
    left = acts_of(database_url)
    assert left[0].number == 9
    assert left[-1].what == What.AUDIT_PRUNED
    assert left[-1].after is not None
    assert left[-1].after["rows"] == 8
    assert verdict_of(database_url).fault is None


def test_pruning_takes_no_more_than_the_policy_and_no_more_than_its_bound(database_url: str) -> None:
    write_acts(database_url, 20)
    age(database_url, 10, 2_000)
    with connected(as_login(database_url, Login.WORKER)) as connection:
        assert connection.execute("SELECT audit_prune(3), audit_prune(-5)").fetchone() == (3, 0)
    assert [one.number for one in acts_of(database_url)][:2] == [4, 5]
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        connected(as_login(database_url, Login.API)) as connection,
    ):
        connection.execute("SELECT audit_prune(3)")


def test_how_long_it_is_kept_is_bounded_and_on_record(database_url: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), connected(database_url) as connection:
        write_kept_days(connection, 364)
    with connected(database_url) as connection:
        write_kept_days(connection, 365)
        assert read_chain(connection).kept_days == 365
    assert acts_of(database_url)[-1].after == {"days": 365}


def seen_by(database_url: str, *grants: Grant) -> list[str]:
    key = key_of(enter(database_url, *grants))
    with connected(as_login(database_url, Login.API)) as connection:
        entered(connection, key)
        return sorted(one.target for one in read_acts(connection, WantedActs(what=What.SENSOR_EDITED)))


def test_an_auditor_reads_their_commune_s_acts(database_url: str) -> None:
    with connected(database_url) as connection:
        for commune in (NOISY, MONTREUIL, None):
            record(connection, Act(What.SENSOR_EDITED, f"of:{commune}", commune))
    assert seen_by(database_url, Grant(Role.AUDITOR)) == ["of:93048", "of:93051", "of:None"]
    assert seen_by(database_url, Grant(Role.AUDITOR, NOISY)) == ["of:93051"]
    assert seen_by(database_url, TECHNICIAN, Grant(Role.ADMINISTRATOR)) == []
    assert seen_by(database_url) == []


def test_acts_are_found_by_what_is_known_of_them(database_url: str) -> None:
    with connected(database_url) as connection:
        for one in range(5):
            act = Act(What.SENSOR_MOVED, f"sensor:{one}", NOISY)
            record_at_the_door(connection, Who(WhoKind.DOOR, f"name {one}", person_id=one), act)
    found: Callable[[WantedActs], list[str]]
    with connected(database_url) as connection:

        def found(wanted: WantedActs) -> list[str]:
            return [one.target for one in read_acts(connection, wanted)]

        assert found(WantedActs(who="AME 3")) == ["sensor:3"]
        assert found(WantedActs(who="%")) == []
        assert found(WantedActs(target="sensor:1")) == ["sensor:1"]
        assert found(WantedActs(commune=MONTREUIL)) == []
        newest = read_acts(connection, WantedActs(), limit=1)[0]
        assert read_acts(connection, WantedActs(), before=newest.number, limit=1)[0].target == "sensor:3"
        assert found(WantedActs(start=now() + timedelta(hours=1))) == []
        assert found(WantedActs(until=now() - timedelta(hours=1))) == []


def test_json_comes_back_with_every_digit(database_url: str) -> None:
    with connected(database_url) as connection:
        connection.execute(
            "SELECT audit_ask('door', NULL, NULL, 'x', '', '', 'signed_in', '', NULL, NULL, %s)",
            (Jsonb({"a": 1.5}, dumps=lambda _: '{"a": 1.500}'),),
        )
    assert acts_of(database_url)[-1].after == {"a": Decimal("1.500")}
    assert verdict_of(database_url).fault is None
