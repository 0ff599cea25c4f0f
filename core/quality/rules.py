"""The rules that readings are judged by: one row per metric, each with its reason.

Where a row says *measured*, the figure was set on series of real sensors so that good readings are not accused;
docs/quality.md tells how often each flag is raised there. A metric without a row here is held to its physical bounds.
"""

from __future__ import annotations

from types import MappingProxyType

from core.metrics import METRICS
from core.quality.rule import QualityRule
from core.readings import Flag, Quality

_NOISY = MappingProxyType({Flag.SPIKE: Quality.SUSPECT})
_STILL = MappingProxyType({Flag.STUCK: Quality.SUSPECT})

_ROWS = (
    QualityRule(
        "co2_ppm",
        380,
        5_000,
        "outdoor air holds 420 ppm and self-calibration drifts by 30; NDIR cells of the field end at 5,000",
        step=300,
        fastest_per_minute=100,
        spike=400,
        share=0.5,
        stuck_hours=6,
        rests=((380, 420),),
    ),
    QualityRule(
        "pm1_ugm3",
        0,
        500,
        "optical counters are specified to 500 or 1,000",
        spike=100,
        share=4,
        stuck_hours=12,
        rests=((0, 2),),
        calibration_days_max=730,
        severity=_NOISY,
    ),
    QualityRule(
        "pm25_ugm3",
        0,
        500,
        "optical counters are specified to 500 or 1,000; clean rooms stay at 0 to 2",
        spike=100,
        share=4,
        stuck_hours=12,
        rests=((0, 2),),
        calibration_days_max=730,
        severity=_NOISY,
    ),
    QualityRule(
        "pm10_ugm3",
        0,
        900,
        "stations of the underground are capped at 999 (measured)",
        spike=150,
        share=4,
        stuck_hours=12,
        rests=((0, 2),),
        calibration_days_max=730,
        severity=_NOISY,
    ),
    QualityRule(
        "no2_ugm3",
        0,
        1_000,
        "the alert threshold of Directive 2008/50/EC is 400: what it warns of must be believed",
        step=100,
        fastest_per_minute=2,
        spike=80,
        share=2,
        stuck_hours=12,
        calibration_days_max=365,
        severity=_NOISY,
    ),
    QualityRule(
        "o3_ugm3",
        0,
        360,
        "the alert threshold of Directive 2008/50/EC is 240; 360 was last passed in 2003",
        step=80,
        fastest_per_minute=2,
        spike=80,
        share=2,
        stuck_hours=12,
        rests=((0, 5),),
        calibration_days_max=365,
        severity=_NOISY,
    ),
    QualityRule(
        "tvoc_ugm3",
        0,
        30_000,
        "metal-oxide cells leap with cleaning: spikes are true",
        stuck_hours=12,
        rests=((0, 100),),
    ),
    QualityRule(
        "temperature_c",
        -25,
        50,
        "Paris has known -23.9 to 42.6 °C; casings in the sun show more",
        step=4,
        fastest_per_minute=0.5,
        spike=10,
        stuck_hours=24,
    ),
    QualityRule(
        "humidity_ratio",
        0.05,
        1,
        "below 5 % capacitive cells say nothing",
        step=0.2,
        fastest_per_minute=0.02,
        spike=0.25,
        stuck_hours=24,
        rests=((0.98, 1),),
    ),
    QualityRule(
        "pressure_hpa",
        930,
        1_060,
        "sea-level records of France are 951 and 1,050; the Métropole lies below 180 m",
        step=3,
        fastest_per_minute=0.1,
        spike=3,
        stuck_hours=24,
    ),
    QualityRule(
        "noise_dba", 20, 120, "class 2 meters begin at 30, rooms at 20", stuck_hours=6, calibration_days_max=730
    ),
    QualityRule(
        "fill_ratio",
        0,
        1,
        "an ultrasonic echo off a bag's edge is a spike; a bin may stay as it is for days",
        spike=0.3,
        severity=_STILL,
    ),
    QualityRule("distance_mm", 20, 5_000, "ultrasonic heads see from 20 mm to 5 m", spike=400),
    QualityRule("weight_kg", 0, 10_000, "a buried container holds 5 m³", spike=500),
    QualityRule(
        "power_kw",
        -10_000,
        10_000,
        "no building of a commune draws 10 MW; loads switch, only a multiple of the neighbours is odd; equal runs of "
        "real loads end at 12 h, filled-in days last 23 (measured)",
        step=100,
        spike=20,
        share=2,
        stuck_hours=18,
        rests=((0, 0),),
        severity=_STILL,
    ),
    QualityRule(
        "gas_power_kw",
        0,
        20_000,
        "boilers switch, and are off all summer",
        spike=200,
        share=9,
        stuck_hours=48,
        rests=((0, 0),),
        severity=_STILL,
    ),
    QualityRule(
        "electricity_kwh",
        0,
        1e9,
        "5 MW at most, registers of 1 kWh",
        step=2,
        fastest_per_minute=83,
        back_step=1,
    ),
    QualityRule(
        "gas_kwh", 0, 1e9, "10 MW at most, registers of 1 m³ (11 kWh)", step=24, fastest_per_minute=167, back_step=12
    ),
    QualityRule(
        "heat_kwh", 0, 1e9, "10 MW at most, registers of 1 MWh", step=2_000, fastest_per_minute=167, back_step=10
    ),
    QualityRule("water_m3", 0, 1e8, "100 m³/h at most, registers of 1 m³", step=2, fastest_per_minute=1.7, back_step=1),
    QualityRule(
        "bikes_count",
        0,
        3_000,
        "counters of Paris pass 1,275 an hour, are at 0 for 12 hours at most, and for weeks when dead (measured)",
        spike=300,
        share=9,
        stuck_hours=24,
    ),
    QualityRule("vehicles_count", 0, 8_000, "a lane carries 2,000 an hour", spike=1_000, share=9, stuck_hours=24),
    QualityRule(
        "pedestrians_count", 0, 20_000, "station halls pass 10,000 an hour", spike=2_000, share=9, stuck_hours=36
    ),
    QualityRule("battery_v", 1.8, 30, "cells of 3.6 V end at 2, mains supplies at 24"),
    QualityRule("rssi_dbm", -140, 0, "LoRa receivers hear down to -140"),
    QualityRule("snr_db", -30, 30, "LoRa demodulates down to -20"),
)


_BY_METRIC = {row.metric: row for row in _ROWS}
QUALITY_RULES: dict[str, QualityRule] = {
    name: _BY_METRIC.get(name, QualityRule(name, metric.low, metric.high, "what is possible is usual"))
    for name, metric in METRICS.items()
}
"""The rule of every metric."""
