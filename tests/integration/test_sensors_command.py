"""`vigie sensors`: a sensor's life from the command line, and a spreadsheet tried and taken in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import AlreadyAdopted, SensorConflict, SettingInvalid, UnknownSensor, VigieError
from vigie.__main__ import app

pytestmark = pytest.mark.integration

ADOPT = ("adopt", "BIN-1", "--kind", "bin", "--name", "Borne", "--commune", "93051", "--site", "École Jaurès")
Vigie = Callable[..., str]


@pytest.fixture
def vigie(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Vigie:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)

    def run(*arguments: str | Path) -> str:
        done = CliRunner().invoke(app, ["sensors", *map(str, arguments)])
        if isinstance(done.exception, VigieError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_sensors_life_from_the_command_line(vigie: Vigie) -> None:
    vigie(*ADOPT)
    with pytest.raises(AlreadyAdopted):
        vigie(*ADOPT)
    assert vigie("list") == "bin-1\tbin\t93051\tÉcole Jaurès\tBorne\n"
    vigie("edit", "bin-1", "--name", "Borne du parc", "--interval-s", "900", "--by", "Nadia")
    moved = vigie("move", "bin-1", "--commune", "93066", "--site", "Gymnase", "--since", "2026-03-02T08:00:00+01:00")
    assert "vigie provision follow" in moved
    vigie("replace", "bin-1", "bin-9", "--since", "2026-03-02T08:00:00Z")
    assert vigie("list", "--commune", "93051") == ""
    assert vigie("list", "--kind", "bin") == "bin-9\tbin\t93066\tGymnase\tBorne du parc\n"
    vigie("retire", "bin-9", "--since", "2026-03-02T09:00:00Z")
    assert vigie("list").rstrip().endswith("retired 2026-03-02T09:00:00Z")
    with pytest.raises(SensorConflict):
        vigie("move", "bin-9", "--commune", "93051", "--site", "Gymnase")
    vigie("edit", "bin-9", "--restore")
    assert "retired" not in vigie("list")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("edit", "nobody", "--name", "x"), UnknownSensor),
        (("retire", "bin-1", "--since", "yesterday"), SettingInvalid),
        (("retire", "bin-1", "--since", "2026-03-02T08:00:00"), VigieError),
        (("move", "bin-1", "--commune", "13055", "--site", "A"), SettingInvalid),
        (("move", "bin-1", "--commune", "93051", "--site", "…"), SettingInvalid),
        (("replace", "bin-1", "bin 9"), SettingInvalid),
    ],
)
def test_what_a_person_can_mend_is_one_line(vigie: Vigie, arguments: tuple[str, ...], error: type[VigieError]) -> None:
    vigie(*ADOPT)
    with pytest.raises(error):
        vigie(*arguments)


def test_a_spreadsheet_is_tried_then_taken_in_whole(vigie: Vigie, tmp_path: Path) -> None:
    file = tmp_path / "capteurs.csv"
    file.write_bytes(
        "identifiant;type;nom;commune;site\r\nb-1;bac;Borne;93051;École\r\nb-2;toaster;x;93051;y\r\n".encode()
    )
    with pytest.raises(VigieError, match="has 1 errors: nothing was changed"):
        vigie("import", file)
    assert vigie("list") == ""
    file.write_bytes("identifiant;type;nom;commune;site\r\nb-1;bac;Borne;93051;École\r\n".encode("cp1252"))
    assert vigie("import", file, "--dry-run").splitlines() == [
        "1 to adopt, 0 to edit, 0 unchanged, 0 lines with errors",
        "nothing was changed: a dry run",
    ]
    assert vigie("list") == ""
    assert vigie("import", file, "--by", "Nadia").endswith("done\n")
    assert vigie("list") == "b-1\tbin\t93051\tÉcole\tBorne\n"
    with pytest.raises(VigieError, match="No such file"):
        vigie("import", tmp_path / "absent.csv")
