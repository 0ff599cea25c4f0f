"""Whoever runs SQL of their own under the api's login sees and changes what their pass allows, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from leak_town import (
    ALL_PLACES,
    BRAVO,
    EVERY_RELATION,
    HERE,
    LET_THROUGH,
    OF_NO_PLACE,
    OUR_RELATIONS,
    OUR_TABLES,
    PASSES,
    ROUND,
    ROUND_THERE,
    SHUT,
    THERE,
    TOLD_TO_ALL,
    Place,
    Town,
    leak_town,
    make_passes,
    settle,
    told_by,
)
from psycopg import errors, sql
from wasm_timescale import running_timescale

from core.passes import digest_of
from core.store.migrate import migrate
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with leak_town(database_server, template) as town:
        yield town


def test_the_town_has_rows_of_every_place_in_every_table(town: Town) -> None:
    with psycopg.connect(town.owner, autocommit=True) as owner:
        for (table,) in owner.execute(OUR_TABLES).fetchall():
            if table not in OF_NO_PLACE:
                assert told_by(owner, "public", table) & {THERE.word, ROUND_THERE.word}, (
                    f"nothing of {BRAVO} in {table}"
                )


@pytest.mark.parametrize("name", [*PASSES, None])
def test_a_pass_is_told_of_its_own_places_only(town: Town, name: str | None) -> None:
    with town.visited(name) as connection:
        told = {
            (schema, relation): words
            for schema, relation in connection.execute(OUR_RELATIONS).fetchall()
            if (words := told_by(connection, schema, relation)) and relation != "commune"
        }
    allowed = LET_THROUGH.get(name or "", frozenset())
    assert {relation: words - allowed for relation, words in told.items() if words - allowed} == {}
    assert frozenset().union(*told.values()) == allowed


def test_a_technician_finds_what_is_theirs(town: Town) -> None:
    with town.visited("technician") as connection:
        expected = {
            ("public", "site"),
            ("public", "sensor"),
            ("public", "series"),
            ("public", "latest"),
            ("public", "forecast"),
            ("public", "score_day"),
            ("public", "online_shift"),
            ("public", "speaker"),
            ("public", "expectation"),
            ("public", "calibration"),
            ("public", "former_device"),
            ("public", "former_place"),
            ("public", "raw_frame"),
            ("public", "gateway_heard"),
            ("public", "gateway"),
            ("public", "duplicate_day"),
            ("public", "intervention"),
            ("public", "photo"),
            ("public", "sensor_change"),
            ("public", "rejection"),
            ("public", "aside"),
            ("public", "kept"),
            ("public", "pruned"),
            ("public", "intake"),
            ("public", "decision_subject"),
            ("public", "decision"),
            ("public", "decision_answer"),
            ("public", "alarm"),
            ("public", "alarm_told"),
            ("public", "alarm_act"),
            ("public", "alarm_rule"),
            ("public", "maintenance"),
            ("public", "rhythm"),
            ("seen", "reading"),
            ("seen", "rollup_hour"),
            ("seen", "rollup_day"),
            ("seen", "forecast_step"),
            ("seen", "frame"),
        }
        assert {one for one in expected if HERE.word in told_by(connection, *one)} == expected
        assert ROUND.word in told_by(connection, "public", "reception")


def test_a_driver_sees_one_round_and_what_it_is_about(town: Town) -> None:
    with town.visited("driver") as connection:
        assert connection.execute("SELECT decision_id FROM decision").fetchall() == [(ROUND.number + 1,)]
        assert connection.execute("SELECT name FROM decision_subject").fetchall() == [(ROUND.word,)]
        assert connection.execute("SELECT count(*) FROM site").fetchall() == [(0,)]


@pytest.mark.parametrize("name", ["technician", "without a role", None])
def test_no_catalogue_part_or_view_tells_of_the_others(town: Town, name: str | None) -> None:
    allowed = LET_THROUGH.get(name or "", frozenset())
    with town.visited(name) as connection:
        leaking = {
            (schema, relation): words
            for schema, relation in connection.execute(EVERY_RELATION).fetchall()
            if (words := told_by(connection, schema, relation) - allowed)
        }
    assert leaking == {}


@pytest.mark.parametrize("name", [*sorted(SHUT), None])
def test_who_is_not_let_in_sees_not_even_what_all_may(town: Town, name: str | None) -> None:
    with town.visited(name) as connection:
        assert connection.execute("SELECT visitor_pass()").fetchall() == [(None,)]
        for table in TOLD_TO_ALL - {"_yoyo_migration", "metric_family"}:
            assert connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table))).fetchall() == []


@pytest.mark.parametrize(
    "key", ["", "x", "0" * 64, "F" * 64, "%", digest_of("x").hex(), "a" * 63, "a" * 65, "é" * 64, "' OR true --"]
)
def test_a_key_that_is_none_opens_nothing(town: Town, key: str) -> None:
    with town.visited() as connection:
        connection.execute("SELECT set_config('vigie.key', %s, false)", (key,))
        assert connection.execute("SELECT visitor_pass(), sees_all()").fetchall() == [(None, False)]


def test_what_is_kept_of_a_pass_does_not_open(town: Town) -> None:
    with psycopg.connect(town.owner) as owner:
        digests = [row[0] for row in owner.execute("SELECT encode(key_digest, 'hex') FROM pass")]
    with town.visited() as connection:
        for digest in digests:
            connection.execute("SELECT set_config('vigie.key', %s, false)", (digest,))
            assert connection.execute("SELECT visitor_pass()").fetchall() == [(None,)]


def test_a_key_ends_with_its_transaction(town: Town) -> None:
    with town.visited() as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('vigie.key', %s, true)", (town.keys["technician"],))
            assert connection.execute("SELECT count(*) > 0 FROM sensor").fetchall() == [(True,)]
        assert connection.execute("SELECT count(*) FROM sensor").fetchall() == [(0,)]


LEAKY = (
    "SELECT count(*) FROM {} AS one WHERE one::text::integer > 0",
    "SELECT count(*) FROM {} AS one WHERE ('x' || one::text)::inet IS NULL",
    "SELECT string_agg(one::text, '') FROM {} AS one",
    "SELECT query_to_xml('SELECT * FROM {}', true, false, '')::text",
    "SELECT * FROM {} AS one ORDER BY one::text::integer",
    "SELECT count(*) FROM {} AS one GROUP BY one::text::integer",
)


@pytest.mark.parametrize(
    "table", ["site", "sensor", "series", "reading", "rollup_hour", "frame", "rejection", "decision"]
)
@pytest.mark.parametrize("name", ["technician", "site manager", "auditor"])
def test_predicates_that_say_what_they_meet_meet_nothing(town: Town, table: str, name: str) -> None:
    allowed = LET_THROUGH[name]
    with town.visited(name) as connection:
        for statement in LEAKY:
            try:
                text = str(connection.execute(statement.format(table)).fetchall())
            except psycopg.Error as error:
                text = f"{error} {error.diag.context} {error.diag.message_detail}"
            assert not {place.word for place in ALL_PLACES if place.is_told(text)} - allowed, statement


def test_a_division_by_what_others_have_does_not_fail(town: Town) -> None:
    with town.visited("technician") as connection:
        for statement in (
            "SELECT count(*) FROM reading WHERE 1 / (value - 7) > 0 AND series_id = %s",
            "SELECT count(*) FROM reading WHERE series_id = %s AND 1 / (quality::integer) > 0",
            "SELECT count(*) FROM frame WHERE sensor_id = %s AND 1 / (f_cnt - 7) > 0",
            "SELECT count(*) FROM rollup_hour WHERE series_id = %s AND 1 / (count - 6) > 0",
            "SELECT count(*) FROM forecast_step WHERE series_id = %s AND 1 / (p50 - 1) > 0",
            "SELECT count(*) FROM latest WHERE series_id = %s AND 1 / (value - 7) > 0",
        ):
            assert connection.execute(statement, (THERE.number,)).fetchall() == [(0,)]
        with pytest.raises(errors.DivisionByZero):
            connection.execute(
                "SELECT count(*) FROM reading WHERE 1 / (value - 7) > 0 AND series_id = %s", (HERE.number,)
            )


def test_every_view_that_the_api_reads_is_a_barrier(town: Town) -> None:
    with psycopg.connect(town.owner) as owner:
        options = owner.execute(
            "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'seen'::regnamespace AND relkind = 'v'"
        ).fetchall()
    assert len(options) >= 5
    assert [name for name, said in options if said != ["security_barrier=true"]] == []


FUNCTIONS = (
    "SELECT * FROM first_readings({number}, '-infinity', 'infinity', '-infinity', 'infinity', 10)",
    "SELECT * FROM last_readings({number}, '-infinity', 'infinity', '-infinity', 'infinity', 10)",
    "SELECT * FROM first_hours(ARRAY[{number}])",
    "SELECT * FROM frame_stretch(ARRAY[{number}], '-infinity', 'infinity')",
    "SELECT * FROM calibration_as_of(NULL) WHERE series_id = {number}",
    "SELECT WHERE sees_series({number})",
    "SELECT WHERE may_at('see', '{commune}', {number})",
    "SELECT FROM reached_codes('see') WHERE code = '{word}'",
    "SELECT FROM reached_sites('see') AS site WHERE site = {number}",
    "SELECT FROM reached_devices('see') WHERE external_id = '{word}'",
    "SELECT WHERE tends_series(ARRAY[{number}])",
    "SELECT WHERE decides_on('ventilation', '{commune}:{word}', '{commune}')",
    "SELECT WHERE decides_in('{commune}', NULL)",
    "SELECT WHERE reaches_intake('see', 'replay', '{{\"commune\": \"{commune}\"}}')",
    "SELECT WHERE reaches_intake('see', 'replay', '{{\"external_id\": \"{word}\"}}')",
)


def _said(place: Place, statement: str) -> str:
    return statement.format(number=place.number, commune=place.commune, word=place.word)


@pytest.mark.parametrize("statement", FUNCTIONS)
def test_functions_of_ours_tell_nothing_of_others(town: Town, statement: str) -> None:
    told = False
    for name in PASSES:
        with town.visited(name) as connection:
            assert connection.execute(_said(THERE, statement)).rowcount == 0, name
            told = told or connection.execute(_said(HERE, statement)).rowcount > 0
    assert told, "and somebody is told of their own"


def test_functions_that_see_all_are_not_for_the_api(town: Town) -> None:
    with town.visited("technician") as connection:
        for call in ("frame_stretch(ARRAY[1], now(), now())", "first_hours(ARRAY[1])", "simulated_series(ARRAY[1])"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"SELECT public.{call}")


def test_whoever_runs_with_the_owners_rights_looks_names_up_in_fixed_places(town: Town) -> None:
    with psycopg.connect(town.owner) as owner:
        loose = owner.execute(
            """
            SELECT oid::regprocedure::text FROM pg_proc
             WHERE pronamespace IN ('public'::regnamespace, 'seen'::regnamespace) AND prosecdef
               AND NOT EXISTS (SELECT FROM unnest(proconfig) AS one WHERE one ~ '^search_path=.*pg_temp$')
            """
        ).fetchall()
        public = owner.execute(
            """
            SELECT oid::regprocedure::text FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
             WHERE pronamespace IN ('public'::regnamespace, 'seen'::regnamespace) AND prosecdef AND grantee = 0
            """
        ).fetchall()
    assert (loose, public) == ([], [])


@pytest.fixture(scope="module")
def timescale_url() -> Iterator[str]:
    with running_timescale() as url:
        yield url


def test_on_timescale_a_pass_is_told_of_its_own_places_only(timescale_url: str) -> None:
    migrate(timescale_url)
    with psycopg.connect(timescale_url, prepare_threshold=None, autocommit=True) as connection:
        settle(connection)
        keys = make_passes(connection)
        connection.execute("SET SESSION AUTHORIZATION vigie_api")
        connection.execute("SET search_path = seen, public, pg_temp")
        relations = connection.execute(EVERY_RELATION).fetchall()
        for name in ("technician", "site manager", "auditor", "driver", "revoked"):
            connection.execute("SELECT set_config('vigie.key', %s, false)", (keys[name],))
            told = {one: told_by(connection, *one) for one in relations if one[0] != "pg_catalog"}
            allowed = LET_THROUGH.get(name, frozenset())
            assert {one: words - allowed for one, words in told.items() if words - allowed} == {}
            assert frozenset().union(*told.values()) == allowed
