"""`vigie audit`, acts of the command line, and what the worker does for the record every night."""

from __future__ import annotations

import getpass
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from core.audit import Act, Entry, What, WhoKind
from core.errors import SettingInvalid, VigieError
from core.store.audit import chain_read, read_chain, record, record_all
from core.store.places import write_series
from core.store.pool import connected, open_pool
from core.store.roles import Login, as_login
from services.audit_care import look_after_acts
from vigie.__main__ import app

pytestmark = pytest.mark.integration
Vigie = Callable[..., tuple[int, str]]


@pytest.fixture
def vigie(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Vigie:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    with connected(database_url) as connection:
        record_all(connection, [Act(What.SENSOR_EDITED, f"sensor:{one}") for one in range(20)])

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments)
        if isinstance(done.exception, VigieError):
            raise done.exception
        return done.exit_code, done.output

    return run


def tamper(database_url: str, *statements: str) -> None:
    with connected(database_url) as connection:
        for table in ("audit", "audit_chain"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement)


def acts_of(database_url: str) -> list[Entry]:
    with connected(database_url) as connection, chain_read(connection) as (_, entries):
        return list(entries)


def test_a_whole_record_is_said_to_be_so(vigie: Vigie) -> None:
    code, head = vigie("audit", "head")
    assert (code, head.partition(":")[0]) == (0, "20")
    assert vigie("audit", "verify") == (0, f"20 acts are as they were written; head {head}")
    assert vigie("audit", "verify", "--head", head)[0] == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET name = 'Rachid' WHERE number = 7", "act 7 is not what was written after the one before it"),
        ("DELETE FROM audit WHERE number = 7", "act 7 was removed"),
        ("DELETE FROM audit WHERE number > 7", "the end was cut off: act 8 is the first that is missing"),
    ],
)
def test_tampering_is_told_with_its_place(vigie: Vigie, database_url: str, statement: str, said: str) -> None:
    tamper(database_url, statement)
    code, output = vigie("audit", "verify")
    assert code == 1
    assert output.startswith(said)


def test_a_record_that_was_written_anew_shows_by_a_noted_head(vigie: Vigie, database_url: str) -> None:
    _, head = vigie("audit", "head")
    with connected(database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit_chain DISABLE TRIGGER USER")
        connection.execute("DELETE FROM audit")
        connection.execute("UPDATE audit_chain SET number = 0, hash = pruned_hash")
        connection.commit()
        record_all(connection, [Act(What.SENSOR_EDITED, f"sensor:{one}") for one in range(20)])
    assert vigie("audit", "verify")[0] == 0
    code, output = vigie("audit", "verify", "--head", head)
    assert (code, output.partition(":")[0]) == (1, "act 20 is not the one whose hash was noted")


@pytest.mark.parametrize("head", ["20", "20:ab", "x"])
def test_what_is_no_head_is_refused(vigie: Vigie, head: str) -> None:
    with pytest.raises(SettingInvalid, match="--head"):
        vigie("audit", "verify", "--head", head)


def test_how_long_acts_are_kept_is_said_and_on_record(vigie: Vigie, database_url: str) -> None:
    assert vigie("audit", "keep", "--days", "400") == (0, "acts are kept 400 days from now on\n")
    assert vigie("audit", "keep", "--days", "364")[0] == 2
    last = acts_of(database_url)[-1]
    assert (last.what, last.before, last.after) == ("audit_kept", {"days": 1_827}, {"days": 400})


def test_settings_of_the_command_line_are_on_record_under_the_operating_system_s_user(
    vigie: Vigie, database_url: str
) -> None:
    vigie("storage", "keep", "air", "--days", "200", "--by", "Nadia")
    vigie("storage", "keep", "air", "--for-ever", "--by", "Nadia")
    vigie("sensors", "adopt", "BIN-1", "--kind", "bin", "--name", "Borne", "--commune", "93051", "--site", "École")
    with connected(database_url) as connection:
        write_series(connection, 1, "fill_ratio")
    vigie("exports", "add", "all", "--to", "out", "--by", "Nadia")
    vigie("exports", "remove", "all", "--by", "Nadia")
    made = acts_of(database_url)[20:]
    assert [(one.what, one.target) for one in made] == [
        ("retention_set", "retention:air"),
        ("retention_set", "retention:air"),
        ("sensor_adopted", "sensor:1"),
        ("schedule_added", "schedule:all"),
        ("schedule_removed", "schedule:all"),
    ]
    assert made[1].before == {"raw_days": 200}
    assert made[1].after == {"raw_days": None, "said_by": "Nadia"}
    assert {(one.who.kind, one.who.name) for one in made} == {(WhoKind.COMMAND, getpass.getuser())}


def test_the_worker_prunes_verifies_and_tells_the_head(vigie: Vigie, database_url: str) -> None:
    tamper(database_url, "UPDATE audit SET at = at - interval '2000 days' WHERE number <= 5")
    with open_pool(as_login(database_url, Login.WORKER), 1) as pool, capture_logs() as logs:
        look_after_acts(pool)
    [kept] = [one for one in logs if one["event"] == "audit_kept"]
    assert (kept["pruned"], kept["acts"]) == (5, 16)
    assert kept["head"] == vigie("audit", "head")[1].strip()
    with connected(database_url) as connection:
        chain = read_chain(connection)
    assert chain.verified_number == 21
    assert chain.verified_at is not None
    assert vigie("audit", "verify")[1].startswith("16 acts are as they were written, after 5 that were pruned")
    assert vigie("audit", "verify", "--head", f"3:{'0' * 64}")[1].startswith("act 3 was pruned since")


def test_the_worker_tells_a_broken_chain_and_notes_nothing(vigie: Vigie, database_url: str) -> None:
    tamper(database_url, "UPDATE audit SET name = 'Rachid' WHERE number = 7")
    with open_pool(as_login(database_url, Login.WORKER), 1) as pool, capture_logs() as logs:
        assert look_after_acts(pool).fault is not None
    [broken] = [one for one in logs if one["event"] == "audit_broken"]
    assert (broken["log_level"], broken["trace"], broken["number"]) == ("error", "changed", 7)
    with connected(database_url) as connection:
        assert read_chain(connection).verified_at is None
        record(connection, Act(What.SENSOR_EDITED))
    assert vigie("audit", "verify")[0] == 1
