"""What a spreadsheet would do to the registry: adopt, edit, nothing, or what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.places import Sensor, SensorKind, Site, site_code
from core.registry_csv import Fault, parse_csv
from core.registry_plan import Plan, Registered, Step, plan_lines
from core.sensor_life import DeviceModel

HALL = Site("93051", "hdv", "Hôtel de ville", 2.5, 48.8, 1)
KNOWN = Sensor("m1", SensorKind.METER, "Compteur", HALL, sensor_id=7, adopted_at=datetime(2026, 3, 2, tzinfo=UTC))
MODELS = {"pulse": DeviceModel("pulse", "Maker", "Pulse", (SensorKind.METER,))}
REGISTERED = Registered.of([KNOWN], [HALL], MODELS)
HEADER = "external_id;kind;name;commune;site;model;interval_s;longitude;latitude\n"


def planned(*rows: str) -> Plan:
    return plan_lines(parse_csv((HEADER + "\n".join(rows)).encode()), REGISTERED)


def test_a_known_sensor_is_edited_where_a_cell_says_otherwise() -> None:
    plan = planned("M1;;Compteur gaz;;;pulse;600;;")
    [line] = plan.lines
    assert (line.step, line.before) == (Step.EDIT, KNOWN)
    assert line.sensor == replace(KNOWN, name="Compteur gaz", model="pulse", interval_s=600)


@pytest.mark.parametrize("site", ["", "hdv", "Hôtel de ville", "hotel de ville"])
def test_a_known_sensor_stays_as_it_is(site: str) -> None:
    assert planned(f"m1;meter;Compteur;93051;{site};;;2,5;48,8").counts[Step.UNCHANGED] == 1


def test_a_new_sensor_is_adopted_on_the_site_of_that_name() -> None:
    plan = planned("b1;bin;Borne;93051;Hotel de Ville;;;;", "b2;bin;Borne;93066;Hôtel de ville;;;2;48")
    first, second = (line.sensor for line in plan.doing(Step.ADOPT))
    assert first == Sensor("b1", SensorKind.BIN, "Borne", HALL)
    assert second == Sensor("b2", SensorKind.BIN, "Borne", Site("93066", "hotel-de-ville", "Hôtel de ville", 2.0, 48.0))
    assert plan.counts == {Step.ADOPT: 2, Step.EDIT: 0, Step.UNCHANGED: 0, Step.ERROR: 0}


@pytest.mark.parametrize(
    ("row", "column", "fault"),
    [
        ("b1;;Borne;93051;Mairie;;;;", "kind", Fault.MISSING),
        ("b1;bin;;93051;Mairie;;;;", "name", Fault.MISSING),
        ("b1;bin;Borne;;Mairie;;;;", "commune", Fault.MISSING),
        ("b1;bin;Borne;93051;;;;;", "site", Fault.MISSING),
        ("b1;bin;Borne;93051;Mairie;pulse;;;", "model", Fault.UNKNOWN_MODEL),
        ("b1;bin;Borne;93051;Mairie;none such;;;", "model", Fault.UNKNOWN_MODEL),
        ("m1;;;93066;;;;;", "site", Fault.PLACE),
        ("m1;;;;Gymnase;;;;", "site", Fault.PLACE),
        ("b1;toaster;Borne;93051;Mairie;;;;", "kind", Fault.INVALID),
    ],
)
def test_what_is_wrong_stands_with_its_line(row: str, column: str, fault: Fault) -> None:
    plan = planned("b9;bin;Borne;93051;Mairie;;;;", row)
    assert [(one.number, one.column, one.fault) for one in plan.faults] == [(3, column, fault)]
    assert plan.counts[Step.ERROR] == 1


def test_two_lines_that_put_one_site_in_two_places_contradict_each_other() -> None:
    same = planned("b1;bin;B;93051;Parc;;;2;48", "b2;bin;B;93051;Parc;;;2;48", "b3;bin;B;93051;Parc;;;;")
    assert same.faults == []
    [fault] = planned("b1;bin;B;93051;Parc;;;2;48", "b2;bin;B;93051;parc;;;2;49").faults
    assert (fault.number, fault.fault) == (3, Fault.TWICE)


def test_a_site_gets_its_code_from_its_name() -> None:
    assert site_code("École Jean-Jaurès (bât. B)") == "ecole-jean-jaures-bat-b"
    assert site_code("—") == ""
