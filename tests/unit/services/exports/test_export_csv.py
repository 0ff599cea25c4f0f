"""CSV files, whole: what a French spreadsheet and what a program finds in them."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from export_cases import T0, label, labels, one_day, one_reading, readings

from core.places import Origin
from core.readings import Flag, Quality
from services.exports.columns import By
from services.exports.csv_file import FRENCH, ISO, CsvFile
from services.exports.labels import Labels


def written(batch: pa.RecordBatch, by: By, *, french: bool, of: Labels | None = None) -> str:
    file = CsvFile(of or labels(), by, FRENCH if french else ISO)
    return (file.heading() + file.lines(batch) + file.ending()).decode()


def test_a_french_file_of_readings() -> None:
    spike = one_reading(2612.25, quality=int(Quality.BAD), flags=int(Flag.SPIKE | Flag.STALE))
    assert written(spike, By.RAW, french=True) == (
        "\ufeffDate et heure (Paris);Décalage;Commune;Code INSEE;Code du site;Site;Capteur;Identifiant du capteur;"
        "Grandeur;Unité;Origine;Mesure étalonnée (ppm);Qualité;Drapeaux;Reçue le (UTC)\r\n"
        "02/03/2026 09:10:00;UTC+01:00;Noisy-le-Grand;93051;ecole-a;École A;Salle 2;a81758fffe03d1b2;"
        "co2_ppm;ppm;terrain;2612,25;mauvaise;pic, tardive;02/03/2026 08:10:00,250000\r\n"
    )


def test_an_iso_file_of_readings() -> None:
    assert written(one_reading(), By.RAW, french=False) == (
        "observed_at,series_id,commune,commune_insee,site_code,site,sensor,external_id,metric,unit,origin,"
        "longitude,latitude,value,quality,flags,received_at\r\n"
        "2026-03-02T08:10:00Z,41,Noisy-le-Grand,93051,ecole-a,École A,Salle 2,a81758fffe03d1b2,co2_ppm,ppm,field,"
        "2.55,48.84,812.5,good,,2026-03-02T08:10:00.250000Z\r\n"
    )


def test_a_french_file_of_days_leaves_what_is_missing_empty() -> None:
    heading, line = written(one_day(), By.DAY, french=True).splitlines()
    assert heading.split(";")[0] == "\ufeffJour (Paris)"
    assert heading.endswith("Consommation ou total (ppm);Secondes connues;Mesures;Bonnes mesures;Créneaux remplis;"
        "Heures mesurées;"
                            "Heures valides")  # fmt: skip
    assert line.split(";")[0] == "29/03/2026"
    assert line.endswith("612,25;400;900,5;410;;;138;136;137;23;22")


def test_an_iso_file_of_days_names_the_columns_as_the_api_does() -> None:
    [line] = csv.DictReader(io.StringIO(written(one_day(known_s=82_800.0), By.DAY, french=False)))
    assert line["day"] == "2026-03-29"
    assert (line["mean"], line["increment"], line["known_s"], line["hours_valid"]) == ("612.25", "", "82800", "22")


def test_the_heading_tells_a_unit_only_where_all_figures_have_it() -> None:
    both = labels(label(), label(42, "temperature_c"))
    heading = CsvFile(both, By.RAW, FRENCH).heading().decode()
    assert "Mesure étalonnée;" in heading
    assert "(ppm)" not in heading


def test_each_line_is_told_of_its_own_series() -> None:
    both = labels(label(), label(42, "temperature_c", sensor="Salle; 3", origin=Origin.SIMULATED))
    lines = readings((41, T0, 800.0, 0, 0, T0), (42, T0, 21.5, 0, 0, T0), (42, T0, 22.0, 0, 0, T0))
    found = list(csv.DictReader(io.StringIO(written(lines, By.RAW, french=True, of=both)), delimiter=";"))
    assert [one["Capteur"] for one in found] == ["Salle 2", "Salle; 3", "Salle; 3"]
    assert [one["Origine"] for one in found] == ["terrain", "simulée", "simulée"]
    assert [one["Mesure étalonnée"] for one in found] == ["800", "21,5", "22"]


def test_a_line_of_an_unknown_series_is_refused() -> None:
    with pytest.raises(ValueError, match="without a label"):
        written(readings((43, T0, 800.0, 0, 0, T0)), By.RAW, french=True)


def test_no_line_is_nothing() -> None:
    assert CsvFile(labels(), By.RAW, ISO).lines(readings()) == b""


def test_a_part_of_a_batch_is_that_part() -> None:
    lines = readings(*((41, T0, float(n), 0, 0, T0) for n in range(5)))
    whole, part = (CsvFile(labels(), By.RAW, ISO).lines(one).splitlines() for one in (lines, lines.slice(2, 2)))
    assert part == whole[2:4]
