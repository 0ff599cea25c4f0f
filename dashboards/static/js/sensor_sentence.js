/** The sentence of a sensor: what it measures against what was expected; its quiet half says whether the sensor is sound. */

import { isToTreat } from "./alarms.js";
import { ago, bare, farDay, measured, moment, percent, range, span, whole } from "./formats.js";
import { t } from "./words.js";

// Fewer of the readings that were due, or a battery that ends sooner, is the sensor's own trouble.
const COMPLETE = 0.9;
const BATTERY_MS = 60 * 24 * 3_600_000;
// A flag of the last day is news.
const LATELY_MS = 24 * 3_600_000;
// What came late, or a meter that was changed, is no trouble of the sensor.
export const NO_TROUBLE = ["stale", "reset", "roll_over"];

/**
 * @param {import("./sensor_reading.js").SensorReading} about
 * @param {number} now
 * @returns {[string, string]} the loud half and the quiet half
 */
export function sentence(about, now) {
  const { sensor, reading, newest } = about;
  if (sensor.retired_at) return [t("sensor_page.retired", { day: farDay(Date.parse(sensor.retired_at)) }), t("sensor_page.retired_quiet")];
  if (!newest || !reading) return never(about, now);
  const { metric } = about.series;
  if (reading.state === "silent") {
    return [t("sensor_page.silent", { span: span(now - reading.at) }), t("sensor_page.silent_quiet", { value: worded(metric, reading.value), at: moment(reading.at, now) })];
  }
  return [[loud(metric, reading), alarmed(about)].filter(Boolean).join(" "), sound(about, now)];
}

function never({ sensor, newest, series }, now) {
  if (newest) return [t("sensor_page.metric_never"), t("sensor_page.metric_never_quiet", { metric: t(`metric.${series.metric.metric}`), age: ago(now - newest) })];
  return [t("sensor_page.never"), t("sensor_page.never_quiet", { age: ago(Math.max(0, now - Date.parse(sensor.adopted_at))) })];
}

function loud(metric, { value, expected, quality }) {
  const said = capital(worded(metric, value));
  if (quality) return t("sensor_page.doubtful", { value: said });
  if (!expected) return t("sensor_page.plain", { value: said });
  if (metric.nature === "state") return t("sensor_page.plain_share", { value: said, share: percent(expected.p50) });
  const words = { value: said, low: bare(metric, expected.p05), high: bare(metric, expected.p95) };
  const way = value > expected.p95 ? "above" : value < expected.p05 ? "below" : "";
  if (!way) return t("sensor_page.within", { value: said, range: range(metric, expected.p05, expected.p95) });
  // As far outside as the expected range is wide is no small step.
  const off = way === "above" ? value - expected.p95 : expected.p05 - value;
  return t(`sensor_page.${off > expected.p95 - expected.p05 ? `far_${way}` : way}`, words);
}

/** What a rule says of it, where the measure beside what was expected does not tell already: `Débordera bientôt.` */
function alarmed({ open, series, reading: { value, expected, quality }, sensor }) {
  const alarm = open.find((one) => isToTreat(one) && one.series_id === series.series_id);
  if (!alarm || quality || (expected && (value > expected.p95 || value < expected.p05))) return "";
  const at = `, ${sensor.name}`;
  return `${alarm.title.endsWith(at) ? alarm.title.slice(0, -at.length) : alarm.title}.`;
}

/** Whether the sensor itself is sound, from its flags, what came of what was due, and its battery; "" where nothing tells. */
function sound({ series, reading, uplink, quality }, now) {
  if (reading.quality) return t("sensor_page.look_first", { flags: (reading.flags ?? []).map((flag) => t(`sensor_page.flag_${flag}`).toLowerCase()).join(", ") || t("state.suspect") });
  const ends = uplink?.battery?.ends;
  if (ends && Date.parse(ends.likely) - now < BATTERY_MS) return t("sensor_page.battery_ends", { day: farDay(Date.parse(ends.likely)) });
  if (uplink && uplink.ratio !== null && uplink.ratio < COMPLETE) return t("sensor_page.misses", { share: percent(1 - uplink.ratio) });
  const flagged = quality?.flags.find(({ flag, last_at: at }) => !NO_TROUBLE.includes(flag) && now - Date.parse(at) < LATELY_MS);
  if (flagged) return t("sensor_page.flagged", { flag: t(`sensor_page.flag_${flagged.flag}`).toLowerCase(), age: ago(now - Date.parse(flagged.last_at)) });
  if (!uplink && !quality) return "";
  const { value, expected } = reading;
  if (series.metric.metric === "co2_ppm" && expected && value > expected.p95) return t("sensor_page.sound_room");
  return t(expected && (value > expected.p95 || value < expected.p05) ? "sensor_page.sound_place" : "sensor_page.sound");
}

const worded = (metric, value) => (metric.nature === "state" ? measured(metric, value) : whole(metric, value));
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
