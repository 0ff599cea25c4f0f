"""Models in a real store: which one speaks as of when, a damaged one refused, the acts on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acting import acting_as
from structlog.testing import capture_logs

from core.model_life import PLATFORM, Concern, Reign, StoredModel
from core.store import models as kept
from core.store.pool import Connection, connected
from core.store.roles import Login
from models.artifacts import ArtifactUnreadable
from services import model_loading
from services.model_loading import Shelf, damaged_models, load_champion, load_model

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = StoredModel(
    "power_kw", T0, T0 - 120 * DAY, T0, 5_000, 3, 4.2, {"validation": {"skill": 0.2}}, "0.7.0 models:1f", 1,
    {"rows_max": 5_000}, energy_kwh=0.0004, co2e_g=0.02, why="first",
)  # fmt: skip


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any artifact be a model: its text. What is tried here is which one is read."""

    def loads(artifact: bytes) -> str:
        if not artifact.startswith(b"model"):
            raise ArtifactUnreadable("artifact is damaged: no model")
        return artifact.decode()

    monkeypatch.setattr(model_loading, "loads", loads)
    monkeypatch.setattr(model_loading, "_SHELF", Shelf(2))


def keep(connection: Connection, day: int, artifact: bytes | None = None) -> int:
    """Keep a model that was trained on this day; return its id."""
    model = replace(MODEL, trained_at=T0 + day * DAY, history_end=T0 + day * DAY)
    return kept.write_model(connection, model, artifact or f"model of day {day}".encode())


def crown(connection: Connection, model_id: int, day: float, by: str = PLATFORM) -> None:
    kept.promote(connection, Reign("power_kw", T0 + day * DAY, model_id, by, "better"))


def champion(connection: Connection, day: float) -> int | None:
    found = kept.read_champion(connection, "power_kw", as_of=T0 + day * DAY)
    return found.model_id if found else None


def challenger(connection: Connection, day: float) -> int | None:
    found = kept.read_challenger(connection, "power_kw", as_of=T0 + day * DAY)
    return found.model_id if found else None


def acts(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what is on record, once it is committed: acts are chained at the end of their transaction."""
    connection.commit()
    return connection.execute("SELECT what, target, before, after, kind FROM audit ORDER BY number").fetchall()


def test_a_model_comes_back_as_it_was_kept(connection: Connection) -> None:
    model_id = keep(connection, 0)
    [found] = kept.read_models(connection, metric="power_kw")
    assert found == replace(MODEL, model_id=model_id, sha256=found.sha256)
    assert found.sha256 is not None
    assert len(found.sha256) == 64
    assert kept.read_artifact(connection, model_id) == b"model of day 0"
    assert kept.read_models(connection, metric="co2_ppm") == []
    assert kept.read_newest_trainings(connection) == {"power_kw": T0}


def test_who_speaks_is_known_as_of_any_instant(connection: Connection) -> None:
    first = keep(connection, 0)
    assert (champion(connection, 0), challenger(connection, 0)) == (None, first)
    crown(connection, first, 0.1)
    second = keep(connection, 7)
    crown(connection, second, 10, "Nadia")
    assert [champion(connection, day) for day in (0, 0.1, 9.9, 10)] == [None, first, first, second]
    # Before it was trained there was no challenger, and a model that reigns is none.
    assert [challenger(connection, day) for day in (6, 7, 9.9, 10)] == [None, second, second, None]
    assert kept.read_newest_reigns(connection) == {"power_kw": T0 + 10 * DAY}


def test_a_model_that_was_rolled_back_is_no_challenger_and_the_act_says_so(connection: Connection) -> None:
    first, second = keep(connection, 0), keep(connection, 7)
    for model_id, day in ((first, 1), (second, 8), (first, 9)):
        crown(connection, model_id, day, "Nadia")
    assert (champion(connection, 20), challenger(connection, 20)) == (first, None)
    third = keep(connection, 14)
    assert challenger(connection, 20) == third
    told = acts(connection)
    assert [act[0] for act in told] == ["model_promoted", "model_promoted", "model_rolled_back"]
    assert told[2][1:3] == (f"model:{first}", {"model_id": second})


@pytest.mark.parametrize("wrong", ["another metric", "speaks already", "earlier", "no model"])
def test_what_cannot_be_promoted_is_refused_and_changes_nothing(connection: Connection, wrong: str) -> None:
    first, second = keep(connection, 0), keep(connection, 7)
    crown(connection, first, 1)
    reign = {
        "another metric": Reign("co2_ppm", T0 + 9 * DAY, second, "Nadia", "x"),
        "speaks already": Reign("power_kw", T0 + 9 * DAY, first, "Nadia", "x"),
        "earlier": Reign("power_kw", T0 + 0.5 * DAY, second, "Nadia", "x"),
        "no model": Reign("power_kw", T0 + 9 * DAY, 999, "Nadia", "x"),
    }[wrong]
    with pytest.raises(ValueError, match=r"speaks for|is none of"):
        kept.promote(connection, reign)
    assert len(kept.read_reigns(connection, "power_kw")) == 1


@pytest.mark.usefixtures("readable")
def test_a_damaged_model_is_told_and_the_one_before_speaks(connection: Connection) -> None:
    first, second, third = (keep(connection, day) for day in (0, 7, 14))
    for model_id, day in ((first, 1), (second, 8), (third, 15)):
        crown(connection, model_id, day)
    connection.execute("UPDATE model SET artifact = 'model of somebody else' WHERE model_id = %s", (third,))
    connection.execute("UPDATE model SET artifact = 'no' WHERE model_id = %s", (second,))
    with capture_logs() as lines:
        loaded = load_champion(connection, "power_kw", as_of=T0 + 20 * DAY)
    assert loaded is not None
    assert (loaded.model_id, str(loaded.model)) == (first, "model of day 0")
    assert [(line["event"], line["model_id"]) for line in lines] == [
        ("model_unreadable", third),
        ("model_unreadable", second),
    ]
    assert [one.model_id for one, _ in damaged_models(connection, kept.read_models(connection))] == [third, second]
    connection.execute("UPDATE model SET artifact = 'no' WHERE model_id = %s", (first,))
    # Unpacked before, it is the model that was kept all the same; another process meets what lies there now.
    assert load_champion(connection, "power_kw", as_of=T0 + 20 * DAY) is not None
    model_loading._SHELF = Shelf(2)  # noqa: SLF001 - as a process that begins
    with capture_logs():
        assert load_champion(connection, "power_kw", as_of=T0 + 20 * DAY) is None


@pytest.mark.usefixtures("readable")
def test_a_model_is_read_once_and_few_are_kept(connection: Connection) -> None:
    stored = [kept.read_model(connection, keep(connection, day)) for day in (0, 1, 2)]
    models = [load_model(connection, one) for one in stored if one]
    connection.execute("UPDATE model SET artifact = 'no'")
    assert [load_model(connection, one) for one in stored[1:] if one] == models[1:]
    assert stored[0] is not None
    with pytest.raises(ArtifactUnreadable, match="checksum"):
        load_model(connection, stored[0])


@pytest.mark.usefixtures("readable")
def test_a_model_from_before_checksums_is_read(connection: Connection) -> None:
    model_id = keep(connection, 0)
    connection.execute("UPDATE model SET sha256 = NULL")
    stored = kept.read_model(connection, model_id)
    assert stored is not None
    assert str(load_model(connection, stored)) == "model of day 0"


def test_a_doubt_is_kept_and_recorded(connection: Connection) -> None:
    model_id = keep(connection, 0)
    kept.write_concern(connection, Concern(model_id, T0 + DAY, "Yanis", "Trop bas le lundi."))
    kept.write_concern(connection, Concern(model_id, T0 + 2 * DAY, "Nadia", "Vu."))
    assert [(one.by, one.said) for one in kept.read_concerns(connection, model_id)] == [
        ("Nadia", "Vu."),
        ("Yanis", "Trop bas le lundi."),
    ]
    what, target, _, after, _ = acts(connection)[0]
    assert (what, target, after) == ("model_doubted", f"model:{model_id}", {"said": "Trop bas le lundi."})


def test_the_worker_keeps_and_crowns_models_by_itself(connection: Connection) -> None:
    with acting_as(connection, Login.WORKER):
        model_id = keep(connection, 0)
        crown(connection, model_id, 1)
        assert champion(connection, 2) == model_id
    [act] = acts(connection)
    assert (act[0], act[-1]) == ("model_promoted", "process")
