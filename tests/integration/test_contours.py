"""Contours taken in by command, from a file and from a register, and told by the API to whoever is let in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from api_process import api_running
from passes import enter, let_in
from receiver import Heard, receiving
from starlette.responses import Response
from typer.testing import CliRunner

from core.audit import What
from core.errors import SettingInvalid, VigieError
from core.roles import Grant, Role
from core.store.audit import chain_read
from core.store.pool import connected
from core.store.roles import Login, as_login
from services.contours.fetching import NotFetched
from services.contours.reading import ContoursRefused
from services.webhooks.addresses import OutgoingRefused
from vigie.__main__ import app

pytestmark = pytest.mark.integration
NOISY, PARIS = "93051", "75056"
Vigie = Callable[..., str]


def collection(*codes: str, shift: float = 0.0) -> bytes:
    west, south = 2.53 + shift, 48.83
    ring = [[west, south], [west + 0.04, south], [west + 0.04, south + 0.03], [west, south + 0.03], [west, south]]
    features = [
        {"type": "Feature", "properties": {"code": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for code in codes
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def by_code(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["properties"]["insee"]: one for one in answer["features"]}


@pytest.fixture
def vigie(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Vigie:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ("geo", *arguments))
        if isinstance(done.exception, VigieError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_file_is_taken_in_told_and_cleared(vigie: Vigie, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "communes.geojson"
    file.write_bytes(collection(NOISY, "77294"))
    said = vigie("import", str(file), "--source", "Contours IGN")
    assert said.startswith(
        "1 contours taken in, 1 features of other communes left aside\nmaps draw a schematic cell for "
    )
    assert NOISY not in said
    with api_running(database_url) as api:
        answer = api.get("/communes/contours")
        assert answer.headers["content-type"] == "application/geo+json"
        found = by_code(answer.json())
        assert len(found) == 130
        assert found[NOISY]["properties"] == {
            "insee": NOISY,
            "name": "Noisy-le-Grand",
            "schematic": False,
            "source": "Contours IGN",
        }
        assert found[PARIS]["properties"]["schematic"] is True
        again = api.get("/communes/contours", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        around = by_code(api.get("/communes/contours", params={"commune": NOISY}).json())
        assert {NOISY, "94079"} < set(around) < set(found)
        # What another process takes in while this one serves is told at once.
        file.write_bytes(collection(NOISY, shift=0.01))
        vigie("import", str(file))
        [moved] = by_code(api.get("/communes/contours", params={"commune": NOISY}).json())[NOISY]["geometry"][
            "coordinates"
        ]
        assert min(longitude for longitude, _ in moved) == 2.54
        assert "1" in vigie("list")
        assert vigie("clear") == "1 contours let go of\n"
        assert by_code(api.get("/communes/contours").json())[NOISY]["properties"]["schematic"] is True
    assert "schematic cells" in vigie("list")
    with connected(database_url) as connection, chain_read(connection) as (_, entries):
        acts = [entry.what for entry in entries]
    assert acts.count(What.CONTOURS_IMPORTED) == 2
    assert acts.count(What.CONTOURS_CLEARED) == 1


def test_a_file_that_cannot_be_right_changes_nothing(vigie: Vigie, tmp_path: Path) -> None:
    file = tmp_path / "communes.geojson"
    file.write_bytes(collection(NOISY))
    vigie("import", str(file))
    file.write_bytes(b"{}")
    with pytest.raises(ContoursRefused):
        vigie("import", str(file))
    with pytest.raises(SettingInvalid, match="No such file"):
        vigie("import", str(tmp_path / "absent"))
    assert "1" in vigie("list")


def test_the_register_is_asked_for_the_whole_metropole(vigie: Vigie, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Response(collection(NOISY, PARIS[:4] + "0")), Response(status_code=500), Response("{}")]

    def answer(_: Heard) -> Response:
        return answers.pop(0)

    with receiving() as register:
        register.answers = answer
        monkeypatch.setenv("VIGIE_OUTGOING_PORTS", str(register.port))
        with pytest.raises(OutgoingRefused):
            vigie("fetch", "--url", register.url(""))
        monkeypatch.setenv("VIGIE_OUTGOING_NETWORKS", "127.0.0.0/8")
        monkeypatch.setenv("VIGIE_OUTGOING_HTTP_LOOPBACK", "true")
        assert vigie("fetch", "--url", register.url("")).startswith("1 contours taken in, 1 features")
        assert "Etalab" in vigie("list")
        with pytest.raises(NotFetched, match="answers 500"):
            vigie("fetch", "--url", register.url(""))
        with pytest.raises(ContoursRefused):
            vigie("fetch", "--url", register.url(""))
        assert [one.path for one in register.heard] == ["/epcis/200054781/communes"] * 3
    with pytest.raises(NotFetched, match="does not answer"):
        vigie("fetch", "--url", register.url(""))


def test_who_is_not_let_in_sees_none_and_nobody_writes_but_the_owner(
    vigie: Vigie, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "communes.geojson"
    file.write_bytes(collection(NOISY))
    vigie("import", str(file))
    with api_running(database_url) as api:
        site_only = let_in(api, enter(database_url, Grant(Role.BUILDING_MANAGER, NOISY)))
        assert site_only.get("/communes/contours").status_code == 200
        assert let_in(api, "nobody").get("/communes/contours").status_code == 401
    with connected(as_login(database_url, Login.API)) as connection:
        assert connection.execute("SELECT count(*) FROM contour").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM contour")
