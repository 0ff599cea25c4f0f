"""Presets: the rules that Vigie comes with, each with where its figures come from. The migration holds the same rows.

Severity follows from what a person can do about it. What passes on many days of a year in Paris (the guidelines of the
World Health Organization, the limit values from 2030 on) is information, and off until a commune wants it: a limit
that is passed every other day is a figure for a report, and no alarm. Means are of the last hours before each reading,
not of calendar hours and days: good to act on, not to report compliance with (docs/alarm-figures.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from core.alarms import Condition, Rule, Scope
from core.events import Severity
from core.places import SensorKind

HOUR, HOURS_8, DAY = 60, 480, 1_440
"""Minutes of a mean."""
HOURS_3, DAYS_3 = 2 * HOUR, 2 * DAY
"""Three hourly or daily means in a row: from the first to the third."""
CLEAR_SHARE, CLEAR_MINUTES = 0.8, 180
"""A mean is over when it has stayed short of four fifths of its limit for three hours: two peaks of a day are one."""
ESCALATE_AIR_S = 4 * 3_600
_INFO, _WARNING, _CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

_SCHOOLS = (
    "Arrêté du 27 décembre 2022 (mesure du dioxyde de carbone dans l’air intérieur), art. 4",
    "https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000046830005",
)
_EU_2008 = ("Directive 2008/50/EC, annex XI", "https://eur-lex.europa.eu/eli/dir/2008/50/oj")
_EU_2024_LIMITS = ("Directive (EU) 2024/2881, annex I, section 1", "https://eur-lex.europa.eu/eli/dir/2024/2881/oj")
_EU_2024_OZONE = ("Directive (EU) 2024/2881, annex I, section 2", "https://eur-lex.europa.eu/eli/dir/2024/2881/oj")
_EU_2024_ALERTS = ("Directive (EU) 2024/2881, annex I, section 4", "https://eur-lex.europa.eu/eli/dir/2024/2881/oj")
_WHO = ("WHO global air quality guidelines (2021)", "https://www.who.int/publications/i/item/9789240034228")


def _rule(preset: str, told: tuple[Condition, Severity], scope: Scope, parameters: dict[str, object]) -> Rule:
    """Return a rule of ours, which no text asks for: its figures were measured (docs/alarm-figures.md)."""
    condition, severity = told
    return Rule(0, condition, severity, parameters, scope, preset=preset)


def _co2(preset: str, severity: Severity, limits: tuple[float, float], minutes: float) -> Rule:
    occupied = {"hours": [8, 18], "weekdays": [0, 1, 2, 3, 4]}
    parameters = {
        "side": "above",
        "raise": limits[0],
        "clear": limits[1],
        "minutes": minutes,
        "clear_minutes": minutes,
        **occupied,
    }
    scope = Scope("co2_ppm", SensorKind.INDOOR_AIR)
    text, address = _SCHOOLS
    return Rule(0, Condition.THRESHOLD, severity, parameters, scope, preset=preset, source=text, source_url=address)


def _air(preset: str, severity: Severity, limit: tuple[float, int, int], source: tuple[str, str]) -> Rule:
    """Return a limit of outdoor air: its value, the minutes of its mean, and for how many minutes that is passed."""
    value, mean_minutes, minutes = limit
    parameters = {
        "side": "above",
        "raise": value,
        "clear": CLEAR_SHARE * value,
        "minutes": minutes,
        "clear_minutes": CLEAR_MINUTES,
        "mean_minutes": mean_minutes,
    }
    metric = {"no2": "no2_ugm3", "o3": "o3_ugm3", "pm10": "pm10_ugm3", "pm25": "pm25_ugm3"}[preset.partition("_")[0]]
    return Rule(
        0,
        Condition.THRESHOLD,
        severity,
        parameters,
        Scope(metric, SensorKind.OUTDOOR_AIR),
        preset=preset,
        escalate_after_s=ESCALATE_AIR_S if severity is _WARNING else None,
        enabled=severity is not _INFO,
        source=source[0],
        source_url=source[1],
    )


PRESETS: Sequence[Rule] = (
    _co2("co2_school_800", _INFO, (800, 700), 30),
    _co2("co2_school_1500", _WARNING, (1_500, 1_300), 20),
    _air("no2_information_150", _WARNING, (150, HOUR, 0), _EU_2024_ALERTS),
    _air("no2_alert_200", _CRITICAL, (200, HOUR, HOURS_3), _EU_2024_ALERTS),
    _air("no2_limit_200", _INFO, (200, HOUR, 0), _EU_2008),
    _air("no2_day_2030_50", _INFO, (50, DAY, 0), _EU_2024_LIMITS),
    _air("no2_who_25", _INFO, (25, DAY, 0), _WHO),
    _air("o3_information_180", _WARNING, (180, HOUR, 0), _EU_2024_ALERTS),
    _air("o3_alert_240", _CRITICAL, (240, HOUR, HOURS_3), _EU_2024_ALERTS),
    _air("o3_target_120", _INFO, (120, HOURS_8, 0), _EU_2024_OZONE),
    _air("o3_who_100", _INFO, (100, HOURS_8, 0), _WHO),
    _air("pm10_information_90", _WARNING, (90, DAY, 0), _EU_2024_ALERTS),
    _air("pm10_alert_90", _CRITICAL, (90, DAY, DAYS_3), _EU_2024_ALERTS),
    _air("pm10_limit_50", _INFO, (50, DAY, 0), _EU_2008),
    _air("pm10_day_2030_45", _INFO, (45, DAY, 0), _EU_2024_LIMITS),
    _air("pm10_who_45", _INFO, (45, DAY, 0), _WHO),
    _air("pm25_information_50", _WARNING, (50, DAY, 0), _EU_2024_ALERTS),
    _air("pm25_alert_50", _CRITICAL, (50, DAY, DAYS_3), _EU_2024_ALERTS),
    _air("pm25_day_2030_25", _INFO, (25, DAY, 0), _EU_2024_LIMITS),
    _air("pm25_who_15", _INFO, (15, DAY, 0), _WHO),
    _rule(
        "bin_nearly_full",
        (Condition.THRESHOLD, _INFO),
        Scope("fill_ratio", SensorKind.BIN),
        {"side": "above", "raise": 0.9, "clear": 0.6, "minutes": 60, "clear_minutes": 0},
    ),
    _rule(
        "bin_overflow",
        (Condition.EXPECTED, _WARNING),
        Scope("fill_ratio", SensorKind.BIN),
        {"will_exceed": 0.98, "within_hours": 24, "chance": 0.5},
    ),
    _rule(
        "power_unexpected",
        (Condition.EXPECTED, _INFO),
        Scope("power_kw"),
        {"margin_ratio": 1.5, "minutes": 180, "level": "p05_p95"},
    ),
    _rule("battery_ratio", (Condition.BATTERY, _WARNING), Scope("battery_ratio"), {"empty": 0.1, "days": 30}),
    _rule("battery_voltage", (Condition.BATTERY, _WARNING), Scope("battery_v"), {"empty": 2.2, "days": 30}),
    _rule("silence", (Condition.SILENCE, _WARNING), Scope(), {"factor": 1.0}),
    _rule("stuck", (Condition.STUCK, _WARNING), Scope(), {"minutes": None, "times_longest": 2.5}),
    _rule("completeness", (Condition.COMPLETENESS, _INFO), Scope(), {"ratio": 0.75, "days": 7}),
)
"""In the order in which the migration writes them."""
