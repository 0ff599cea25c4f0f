"""History read from a real streaming standby: while it follows, and from the primary while it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic, sleep

import psycopg
import pytest
from api_process import api_running_with, api_settings
from judging import COMMUNE, adopt
from judging import write as write_readings
from passes import EVERYTHING, enter, shown
from pydantic import SecretStr
from standby import Standby, standby_of

from core.clock import now
from core.instruments import HISTORY_READS
from core.passes import key_of
from core.roles import PassKind
from core.settings import ApiSettings, HistorySettings
from core.store.doors import NewPass, make_pass
from core.store.migrate import migrate
from core.store.pool import connected, open_pool
from core.store.replica import HistorySource, ReplicaState, followed_dsn, open_history
from core.store.roles import Login, as_login
from vigie.embedded import EmbeddedDatabase

pytestmark = pytest.mark.integration
NAME = "town"
KEY = key_of("shown to a replica")


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDatabase]:
    """A server of this module's own: a standby copies all of it."""
    server = EmbeddedDatabase(tmp_path_factory.mktemp("primary"))
    url = server.create(NAME)
    migrate(url)
    with connected(url) as connection:
        make_pass(connection, NewPass(PassKind.TOKEN, KEY, "a test", "test", now(), now() + timedelta(hours=1)))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def standby(primary: EmbeddedDatabase) -> Iterator[Standby]:
    """Its standby."""
    with standby_of(primary.address("postgres")) as standby:
        yield standby


@pytest.fixture
def settings(primary: EmbeddedDatabase, standby: Standby) -> HistorySettings:
    """Settings that name both; a replica four seconds behind is left."""
    return HistorySettings(
        database_url=SecretStr(primary.address(NAME)),
        database_replica_url=SecretStr(standby.database(NAME)),
        replica_lag_s_max=4,
    )


@pytest.fixture
def history(settings: HistorySettings) -> Iterator[HistorySource]:
    """Where history is read, found to follow."""
    with open_pool(settings.dsn, 2) as pool, open_history(settings, pool) as source:
        until(lambda: source.followed)
        yield source


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, half a minute at most."""
    deadline = monotonic() + 30
    while not holds():
        assert monotonic() < deadline, "it did not come about within 30 s"
        sleep(0.02)


def reads(by: str) -> float:
    """How many reads of history were answered so."""
    return float(HISTORY_READS.labels(by)._value.get())  # noqa: SLF001 - the library shows it no other way


def is_standby(source: HistorySource) -> bool:
    """Whether history is read from the standby now."""
    with source.connection(KEY) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


def write(settings: HistorySettings, note: str) -> None:
    """Write something, so that the log goes on."""
    with connected(settings.dsn) as connection:
        connection.execute("COMMENT ON TABLE sensor IS {}".format(f"'{note}'").encode())


def test_history_is_read_from_the_replica_and_counted(history: HistorySource, settings: HistorySettings) -> None:
    before = reads("replica")
    assert is_standby(history)
    assert history.dsn == settings.replica_dsn
    assert reads("replica") == before + 2
    assert history.replica.lag_s is not None
    assert history.replica.lag_s <= settings.replica_lag_s_max


def test_one_long_history_is_read_where_the_replica_is_found_to_follow(
    history: HistorySource, settings: HistorySettings, standby: Standby
) -> None:
    alone = settings.model_copy(update={"database_replica_url": SecretStr("")})
    with open_pool(settings.dsn, 1) as pool:
        # On a busy machine the standby may be a moment behind when it is looked at once.
        until(lambda: followed_dsn(settings, pool) == settings.replica_dsn)
        assert followed_dsn(alone, pool) == settings.dsn
        standby.pause()
        try:
            write(settings, "far behind")
            until(lambda: not history.followed)
            assert followed_dsn(settings, pool) == settings.dsn
        finally:
            standby.resume()


def test_a_replica_that_falls_behind_is_left_until_it_has_caught_up(
    history: HistorySource, settings: HistorySettings, standby: Standby
) -> None:
    standby.pause()
    try:
        before = reads("primary_instead")
        write(settings, "behind")
        until(lambda: history.replica.state is ReplicaState.LAGGING)
        assert not is_standby(history)
        assert history.dsn == settings.dsn
        assert reads("primary_instead") == before + 2
    finally:
        standby.resume()
    until(lambda: history.followed)
    assert is_standby(history)


def test_a_replica_that_dies_is_left_at_once_and_taken_back(history: HistorySource, standby: Standby) -> None:
    assert is_standby(history)
    standby.stop()
    try:
        # Nobody has looked since: the request itself finds it gone, and is answered all the same.
        assert not is_standby(history)
        assert history.replica.state is ReplicaState.ABSENT
    finally:
        standby.start()
    until(lambda: history.followed)
    assert is_standby(history)


def test_what_is_no_standby_of_this_primary_is_never_read(settings: HistorySettings, primary: EmbeddedDatabase) -> None:
    own = settings.model_copy(update={"database_replica_url": SecretStr(primary.address("postgres"))})
    with open_pool(own.dsn, 2) as pool, open_history(own, pool) as source:
        until(lambda: source.replica.state is ReplicaState.STRANGE)
        assert not is_standby(source)


@pytest.mark.parametrize("replica", [True, False])
def test_history_refuses_to_write_wherever_it_is_read(settings: HistorySettings, *, replica: bool) -> None:
    one = settings if replica else settings.model_copy(update={"database_replica_url": SecretStr("")})
    with open_pool(one.dsn, 1) as pool, open_history(one, pool) as source:
        if replica:
            until(lambda: source.followed)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), source.connection(KEY) as connection:
            connection.execute("DELETE FROM outbox")
        # The primary's connection writes again once it is given back.
        with pool.connection() as connection:
            assert connection.execute("DELETE FROM outbox").rowcount == 0


def replicated(settings: HistorySettings, *, lag_s_max: float) -> ApiSettings:
    """Return settings of an API that reads history from the replica, under its own login there too."""
    replica = SecretStr(as_login(settings.replica_dsn, Login.API))
    return api_settings(settings.dsn, database_replica_url=replica, replica_lag_s_max=lag_s_max)


def test_the_api_says_how_its_replica_does(settings: HistorySettings) -> None:
    with api_running_with(replicated(settings, lag_s_max=30)) as api:
        api.headers.update(shown(enter(settings.dsn, *EVERYTHING)))
        until(lambda: api.get("/ready").json()["replica"] == "following")
        assert api.get("/storage").json()["replica"] == "following"
        assert api.get("/storage").json()["connections"] > 0


def test_what_pages_show_live_is_of_the_primary_though_the_replica_follows(
    settings: HistorySettings, standby: Standby
) -> None:
    with api_running_with(replicated(settings, lag_s_max=600)) as api, connected(settings.dsn) as connection:
        api.headers.update(shown(enter(settings.dsn, *EVERYTHING)))
        until(lambda: api.get("/ready").json()["replica"] == "following")
        standby.pause()
        try:
            [series_id] = adopt(connection, "salle-2", "co2_ppm")
            write_readings(connection, [(series_id, now(), 700.0)], now())
            connection.commit()
            assert api.get(f"/series/{series_id}/readings").status_code == 404, "the replica has not replayed it"
            [newest] = api.get("/latest", params={"commune": COMMUNE}).json()["items"]
            [trend] = api.get("/trends", params={"commune": COMMUNE}).json()["items"]
        finally:
            standby.resume()
    assert newest["value"] == 700.0
    assert trend["values"][-1] == 700.0
