/** Pile: how it went down, and when it will be empty, with how sure that is. */

import { now } from "./api.js";
import { el } from "./element.js";
import { farDay, monthYear, number, scale, unit, whole } from "./formats.js";
import { endWords } from "./sensor_figures.js";
import { timePlot } from "./sensor_plot.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
// A line so far into the future says nothing that a person plans by.
const AHEAD_MS = 1095 * DAY_MS;

/** Draw the battery; false where the sensor tells none. */
export async function showBattery({ box, unit: named }, about) {
  const battery = about.uplink?.battery;
  if (!battery || battery.now === null || battery.now === undefined) return false;
  const metric = about.metrics.get(battery.metric);
  named.textContent = unit(metric, { chart: true });
  const points = battery.points.map(([at, value]) => [Date.parse(at), value]);
  box.replaceChildren(...[points.length > 1 ? picture(battery, points, metric) : null, el("p", { class: "lede small" }, ...said(battery, metric))].filter(Boolean));
  return undefined;
}

function picture({ ends, empty_at_value: empty }, points, metric) {
  const factor = scale(metric);
  const present = now();
  const from = points[0][0];
  const last = points.at(-1);
  const [early, likely, late] = ends ? [ends.earliest, ends.likely, ends.latest].map((at) => Math.min(at ? Date.parse(at) : Infinity, present + AHEAD_MS)) : [];
  const until = ends ? Math.max(present, Math.min(late, present + AHEAD_MS)) : present;
  const level = (end) => (at) => last[1] + ((empty - last[1]) * (at - last[0])) / (end - last[0] || 1);
  const stops = ends ? Array.from({ length: 25 }, (_, place) => last[0] + ((until - last[0]) * place) / 24) : [];
  const held = (value) => Math.max(empty, value);
  return el("figure", { class: "fig" }, timePlot({
    label: t("sensor_page.battery_label", { value: whole(metric, last[1]), end: ends ? t("sensor_page.likely_end", { at: endWords(likely) }) : t("sensor_page.no_end") }),
    from, until, tall: "battery",
    points: points.map(([at, value]) => [at, value * factor]),
    fan: stops.map((at) => ({ at, low: held(level(early)(at)) * factor, high: held(level(late)(at)) * factor })),
    middle: stops.filter((at) => at <= likely).map((at) => [at, held(level(likely)(at)) * factor]),
    limit: ends && empty !== null ? { value: empty * factor, words: t("sensor_page.battery_empty", { value: whole(metric, empty) }) } : null,
    now: ends ? present : null, nowWords: t("sensor_page.now_end"),
    said: (value) => number(value, scale(metric) === 100 ? 0 : 2),
    ticks: [{ at: from, words: dated(from, until - from) }, { at: until, words: ends ? dated(until, until - from) : t("sensor_page.now_end") }],
  }));
}

const dated = (at, width) => (width < 200 * DAY_MS ? farDay(at) : monthYear(at));

function said({ ends, why_not: why, now: value }, metric) {
  if (!ends) return [t("sensor_page.battery_now", { value: whole(metric, value) }), why ? ` ${t(`sensor_page.battery_${why}`)}` : ""];
  const [early, likely] = [ends.earliest, ends.likely].map((at) => endWords(Date.parse(at)));
  const between = ends.latest ? t("sensor_page.battery_between", { early, late: endWords(Date.parse(ends.latest)) }) : t("sensor_page.battery_from", { early });
  return [t("sensor_page.battery_likely"), el("strong", {}, likely), between];
}
