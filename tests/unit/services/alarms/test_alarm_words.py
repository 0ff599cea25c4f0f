"""What is said of alarms, in both languages, for real figures: each sentence as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.alarms import Alarm, Condition, Rule, Scope
from core.events import EventName, Severity
from core.store.alarms import AlarmSensor, AlarmSite, KeptAlarm
from services.alarms.phrasing import Phrasing
from services.alarms.presets import PRESETS
from services.alarms.rule_words import rule_said, rule_title
from services.alarms.words import said_of
from services.words import read_catalogues

WORDS = read_catalogues(Path(__file__).resolve().parents[4] / "dashboards")
AT = datetime(2026, 11, 24, 9, 42, tzinfo=UTC)
"""A Tuesday, 10:42 in Paris."""
SCHOOL = AlarmSite(3, "ecole-des-tilleuls", "École des Tilleuls")
CO2: dict[str, Any] = {"side": "above", "raise": 1_500, "clear": 1_300, "minutes": 20, "clear_minutes": 20}


def plain(text: str) -> str:
    """Return a text with plain spaces, to be compared by eye."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def kept_of(
    name: str,
    figures: Mapping[str, Any],
    rule: Rule | None = None,
    where: tuple[AlarmSite | None, str, str | None] = (SCHOOL, "salle 12", "co2_ppm"),
    **is_so: Any,
) -> KeptAlarm:
    """Return an alarm that began 24 minutes ago; ``where``: site, name of the sensor, metric."""
    since = AT - timedelta(minutes=24)
    site, sensor, metric = where
    alarm = Alarm(
        alarm_id=1,
        rule_id=rule.rule_id if rule else None,
        name=name,
        severity=Severity.WARNING,
        commune_insee="93051",
        site_id=3 if site else None,
        sensor_id=12 if sensor else None,
        series_id=41 if metric else None,
        gateway=None,
        subject="",
        since=since,
        until=None,
        confirmed_at=since,
        raised_at=since,
        figures=figures,
    )
    about = AlarmSensor(12, "a81758fffe03d1b2", sensor, "indoor_air", "field") if sensor else None
    return KeptAlarm(replace(alarm, **is_so), rule, site, about, metric, "", 0, 0)


def rule_of(condition: Condition, parameters: dict[str, Any], metric: str | None = None, **is_so: Any) -> Rule:
    return Rule(1, condition, Severity.WARNING, parameters, Scope(metric), **is_so)


THRESHOLD = rule_of(Condition.THRESHOLD, CO2, "co2_ppm", source="arrêté du 27 décembre 2022")
LOW = rule_of(Condition.THRESHOLD, {"side": "below", "raise": 15, "clear": 16}, "temperature_c")
MEAN = rule_of(Condition.THRESHOLD, {"side": "above", "raise": 180, "clear": 162, "mean_minutes": 60}, "o3_ugm3")
BIN = (AlarmSite(4, "charmes", "Rue des Charmes"), "verre 41", "fill_ratio")
BAY = (None, "aire de livraison 7", "battery_v")
ENDS = {
    "value": 2.91,
    "limit": 2.2,
    "ends_at_earliest": "2026-12-04T08:00:00Z",
    "ends_at": "2026-12-12T08:00:00Z",
    "ends_at_latest": "2026-12-23T08:00:00Z",
}
STADIUM = (None, "", None)

SAID = [
    pytest.param(
        kept_of(
            "threshold",
            {"value": 1_840.0, "limit": 1_500.0, "expected_low": 900.0, "expected_high": 1_250.0},
            THRESHOLD,
        ),
        ("CO₂ élevé, salle 12", "École des Tilleuls · attendu 900 à 1 250 ppm à cette heure"),
        ("High CO₂, salle 12", "École des Tilleuls · 900 to 1,250 ppm expected at this hour"),
        id="threshold with what was expected",
    ),
    pytest.param(
        kept_of("threshold", {"value": 1_840.0, "limit": 1_500.0}, THRESHOLD),
        ("CO₂ élevé, salle 12", "École des Tilleuls · 1 840 ppm, limite 1 500 ppm"),
        ("High CO₂, salle 12", "École des Tilleuls · 1,840 ppm, limit 1,500 ppm"),
        id="threshold",
    ),
    pytest.param(
        kept_of("threshold", {"value": 13.4, "limit": 15.0}, LOW, (SCHOOL, "salle 3", "temperature_c")),
        ("Température basse, salle 3", "École des Tilleuls · 13,4 °C, limite 15 °C"),
        ("Low temperature, salle 3", "École des Tilleuls · 13.4 °C, limit 15 °C"),
        id="below",
    ),
    pytest.param(
        kept_of("threshold", {"value": 192.0, "limit": 180.0}, MEAN, (None, "station du parc", "o3_ugm3")),
        ("Ozone élevé, station du parc", "192 µg/m³ en moyenne sur 1 h, limite 180 µg/m³"),
        ("High ozone, station du parc", "192 µg/m³ on average over 1 h, limit 180 µg/m³"),
        id="mean",
    ),
    pytest.param(
        kept_of("threshold", {"value": 0.97, "limit": 0.9}, None, BIN),
        ("Presque plein, verre 41", "Rue des Charmes · 97 %, limite 90 %"),
        ("Nearly full, verre 41", "Rue des Charmes · 97%, limit 90%"),
        id="bin",
    ),
    pytest.param(
        kept_of("expected", {"chance": 0.8, "limit": 0.98, "within_hours": 24.0}, None, BIN),
        ("Débordera bientôt, verre 41", "Rue des Charmes · Remplissage : 80 % de chances de passer 98 % dans les 24 h"),
        ("About to overflow, verre 41", "Rue des Charmes · Fill: 80% chance of passing 98% within 24 h"),
        id="will exceed",
    ),
    pytest.param(
        kept_of("expected", {"chance": 0.95, "limit": 0.98, "within_hours": 24.0}, None, BIN),
        (
            "Débordera bientôt, verre 41",
            "Rue des Charmes · Remplissage : au moins 95 % de chances de passer 98 % dans les 24 h",
        ),
        ("About to overflow, verre 41", "Rue des Charmes · Fill: at least a 95% chance of passing 98% within 24 h"),
        id="will surely exceed",
    ),
    pytest.param(
        kept_of(
            "expected",
            {"value": 91.2, "expected_low": 40.0, "expected_high": 58.0},
            None,
            (AlarmSite(5, "gymnase", "Gymnase des Peupliers"), "sous-station B", "power_kw"),
        ),
        ("Au-dessus de l’attendu, sous-station B", "Gymnase des Peupliers · attendu 40 à 58 kW à cette heure"),
        ("Above what was expected, sous-station B", "Gymnase des Peupliers · 40 to 58 kW expected at this hour"),
        id="expected",
    ),
    pytest.param(
        kept_of("rate", {"value": -3.5, "limit": 2.0}, None, (None, "chaufferie", "temperature_c")),
        ("Variation rapide, chaufferie", "Température : \u22123,5 °C par minute"),
        ("Fast change, chaufferie", "Temperature: \u22123.5 °C a minute"),
        id="rate",
    ),
    pytest.param(
        kept_of(
            "stuck",
            {"value": 21.4, "limit": 86_400.0},
            None,
            (None, "chaufferie mairie", "temperature_c"),
            since=AT - timedelta(hours=6, minutes=40),
        ),
        ("Valeur figée, chaufferie mairie", "Température identique depuis 6 h 40"),
        ("Stuck value, chaufferie mairie", "Temperature the same for 6 h 40"),
        id="stuck",
    ),
    pytest.param(
        kept_of("silence", {"silent_after_s": 5_400}, None, (SCHOOL, "salle 3", None)),
        ("Capteur muet, salle 3", "École des Tilleuls · dernière mesure à 10 h 18"),
        ("Silent sensor, salle 3", "École des Tilleuls · last heard at 10:18"),
        id="silent sensor",
    ),
    pytest.param(
        kept_of("silence", {"silent_after_s": 5_400}, None, (SCHOOL, "salle 3", "humidity_ratio")),
        (
            "Mesure muette, salle 3",
            "École des Tilleuls · Humidité : dernière mesure à 10 h 18, le capteur parle encore",
        ),
        ("Silent channel, salle 3", "École des Tilleuls · Humidity: last heard at 10:18, the sensor still speaks"),
        id="silent channel",
    ),
    pytest.param(
        replace(kept_of("silence", {}, None, STADIUM, gateway="a840"), members=8, gateway_name="du stade"),
        ("Passerelle du stade, 8 capteurs muets", "Même origine probable : la passerelle, pas les capteurs"),
        ("Gateway du stade, 8 silent sensors", "One likely cause: the gateway, not the sensors"),
        id="gateway",
    ),
    pytest.param(
        replace(kept_of("silence", {}, None, (SCHOOL, "", None)), members=6),
        (
            "École des Tilleuls, 6 capteurs muets",
            "Même origine probable : l’alimentation ou le réseau du site, pas les capteurs",
        ),
        ("École des Tilleuls, 6 silent sensors", "One likely cause: the site’s power or network, not the sensors"),
        id="site",
    ),
    pytest.param(
        kept_of("battery", ENDS, None, BAY),
        ("Batterie faible, aire de livraison 7", "Fin probable le 12 décembre (du 4 au 23)"),
        ("Low battery, aire de livraison 7", "Likely to end on 12 December (between 4 December and 23 December)"),
        id="battery",
    ),
    pytest.param(
        kept_of("completeness", {"value": 0.62, "limit": 0.75}, None, (SCHOOL, "salle 3", "co2_ppm")),
        ("Mesures incomplètes, salle 3", "École des Tilleuls · 62 % des mesures attendues, depuis le 24 novembre"),
        ("Incomplete readings, salle 3", "École des Tilleuls · 62% of the readings that were due, since 24 November"),
        id="completeness",
    ),
    pytest.param(
        kept_of("sensor_flooded", {"sensor": "eui-70b3", "n": 412}, None, (None, "", None)),
        ("Le capteur eui-70b3 envoie trop : 412 messages mis en quarantaine", ""),
        ("Sensor eui-70b3 sends too much: 412 messages in quarantine", ""),
        id="of the platform",
    ),
]


@pytest.mark.parametrize(("kept", "french", "english"), SAID)
def test_title_and_detail_are_what_a_person_reads(
    kept: KeptAlarm, french: tuple[str, str], english: tuple[str, str]
) -> None:
    for language, wanted in (("fr", french), ("en", english)):
        said = said_of(WORDS[language], kept, AT)
        assert (plain(said.title), plain(said.detail)) == wanted
        assert "{" not in said.why
        assert said.why.endswith((".", "!"))


def test_why_names_the_rule_its_source_what_was_measured_and_what_clears_it() -> None:
    kept = kept_of("threshold", {"value": 1_840.0, "limit": 1_500.0}, THRESHOLD)
    assert plain(said_of(WORDS["fr"], kept, AT).why) == (
        "Règle : CO₂ au moins à 1 500 ppm, pendant 20 min. Commencé à 10 h 18. Mesuré alors : 1 840 ppm. "
        "Source : arrêté du 27 décembre 2022. Prendra fin sous 1 300 ppm pendant 20 min."
    )
    assert plain(said_of(WORDS["en"], kept, AT).why) == (
        "Rule: CO₂ at 1,500 ppm or more, for 20 min. Began at 10:18. Measured then: 1,840 ppm. "
        "Source: arrêté du 27 décembre 2022. Will clear under 1,300 ppm for 20 min."
    )


@pytest.mark.parametrize(
    ("is_so", "wanted"),
    [
        ({"withdrawn_at": AT}, "Des mesures arrivées en retard montrent que cela n’a pas eu lieu."),
        ({"found_late": True, "until": AT, "cleared_at": AT}, "Les mesures sont arrivées en retard"),
        ({"muted": True}, "Sous maintenance"),
        ({"escalated_at": AT - timedelta(days=1)}, "la gravité a été relevée hier à 10 h 42."),
    ],
)
def test_why_says_how_it_went(is_so: dict[str, Any], wanted: str) -> None:
    kept = kept_of("threshold", {"value": 1_840.0, "limit": 1_500.0}, THRESHOLD, **is_so)
    said = said_of(WORDS["fr"], kept, AT)
    assert wanted in plain(said.why)
    assert ("Prendra fin" in said.why) == (kept.alarm.cleared_at is None and kept.alarm.withdrawn_at is None)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("rule", PRESETS, ids=lambda rule: str(rule.preset))
def test_every_preset_has_a_name_and_is_said_in_words(rule: Rule, language: str) -> None:
    phrasing = Phrasing(WORDS[language], AT)
    assert phrasing.knows(f"preset.{rule.preset}")
    assert rule_title(phrasing, rule) != rule.preset
    assert "{" not in rule_said(phrasing, rule)


RULES = [
    (
        rule_of(Condition.THRESHOLD, CO2 | {"hours": [8, 18], "weekdays": [0, 1, 2, 3, 4]}, "co2_ppm"),
        "CO₂ au moins à 1 500 ppm, pendant 20 min, de 8 h à 18 h, du lundi au vendredi",
    ),
    (
        rule_of(Condition.THRESHOLD, CO2 | {"minutes": 0, "weekdays": [5, 6]}, "co2_ppm"),
        "CO₂ au moins à 1 500 ppm, samedi, dimanche",
    ),
    (
        rule_of(Condition.BATTERY, {"empty": 2.2, "days": 30}, "battery_v"),
        "batterie qui sera vide (à 2,2 V) dans 30 jours ou moins, selon ses derniers mois",
    ),
    (
        rule_of(Condition.EXPECTED, {"margin_ratio": 2.0, "minutes": 720}, "power_kw"),
        "Puissance hors de l’intervalle prévu 9 fois sur 10, à plus de 200 % de sa largeur, pendant 12 h",
    ),
    (
        rule_of(Condition.COMPLETENESS, {"ratio": 0.75, "days": 7}),
        "moins de 75 % des mesures attendues, 7 jours de suite",
    ),
    (rule_of(Condition.STUCK, {"minutes": 1_440}), "la mesure identique pendant 24 h"),
    (
        rule_of(Condition.SILENCE, {"factor": 2}),
        "plus de nouvelles, 2 fois au-delà de ce que le rythme propre du capteur rend habituel",
    ),
]


@pytest.mark.parametrize(("rule", "wanted"), RULES)
def test_a_rule_is_said_in_words(rule: Rule, wanted: str) -> None:
    assert plain(rule_said(Phrasing(WORDS["fr"], AT), rule)) == wanted


def test_every_alarm_of_the_platform_has_its_sentence() -> None:
    ruled = {"raised", "acknowledged", "escalated", "cleared", "withdrawn"}
    names = {name.value.partition(".")[2] for name in EventName if name.value.startswith("alarm.")} - ruled
    for words in WORDS.values():
        assert [name for name in sorted(names) if not words.knows(f"alarm.{name}")] == []


@pytest.mark.parametrize(
    ("instant", "wanted"),
    [
        (datetime(2026, 11, 24, 7, 0, tzinfo=UTC), ("à 8 h", "at 08:00")),
        (datetime(2026, 11, 23, 21, 5, tzinfo=UTC), ("hier à 22 h 05", "yesterday at 22:05")),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), ("demain à 0 h 30", "tomorrow at 00:30")),
        (datetime(2026, 12, 1, 7, 0, tzinfo=UTC), ("le 1er décembre à 8 h", "on 1 December at 08:00")),
        (datetime(2025, 11, 1, 7, 0, tzinfo=UTC), ("le 1er novembre 2025 à 8 h", "on 1 November 2025 at 08:00")),
    ],
)
def test_a_moment_names_its_day_where_it_is_another(instant: datetime, wanted: tuple[str, str]) -> None:
    assert tuple(plain(Phrasing(WORDS[language], AT).moment(instant)) for language in ("fr", "en")) == wanted


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        (0.2, "1 min"),
        (59, "59 min"),
        (60, "1 h"),
        (65, "1 h 05"),
        (1_440, "24 h"),
        (2_000, "33 h 20"),
        (4_400, "3 jours"),
    ],
)
def test_a_span_is_told_no_finer_than_it_matters(minutes: float, wanted: str) -> None:
    assert plain(Phrasing(WORDS["fr"], AT).span(minutes)) == wanted
