/** The axes of a chart: hours and days near, months and years far, always of the Paris clock. */

import { farDay, longDay, minute, moment, month, monthYear, number, scale, shortDay, year } from "./formats.js";
import { dayStart, daysFrom, hourOf, monthOf, monthStarts, ticks } from "./paris.js";
import { language, t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
const NARROW_PX = 520;
// A label centred so near to the end would be cut by the edge.
const EDGE = 0.03;

// Hours between two lines of a short window; the first of which few enough fit.
const HOURS = [1 / 12, 1 / 4, 1 / 2, 1, 2, 3, 6, 12];

/** Where lines and labels stand, and what the labels say, by how long the window is. */
function marks(from, until, { now, width }) {
  const narrow = width < NARROW_PX;
  const days = (until - from) / DAY_MS;
  if (days > 900) return { lines: monthStarts(from, until, 12), labels: monthStarts(from, until, 12), words: year };
  if (days > 100) {
    const named = (at) => (monthOf(at) ? month(at) : year(at));
    return { lines: monthStarts(from, until), labels: monthStarts(from, until, narrow || days > 450 ? 3 : 1), words: named };
  }
  if (days <= 2.5) {
    const every = HOURS.find((hours) => (24 * days) / hours <= (narrow ? 4 : 8)) ?? 12;
    const lines = ticks(from, until, every);
    return { lines, labels: lines, words: (at) => (isMidnight(at) ? dayWords(at, now) : hourWords(at, every)) };
  }
  const far = days > 20;
  const every = far ? Math.ceil(days / (narrow ? 4.5 : 9)) : Math.ceil(days / (narrow ? 5 : 11));
  const labels = ticks(from, until, 24, 12).filter((at) => daysFrom(now, at) % every === 0);
  return { lines: ticks(from, until, 24), labels, words: (at) => dayWords(at, now, far) };
}

const isMidnight = (at) => dayStart(at) === at;
const hourWords = (at, every) => (language === "fr" && every >= 1 ? `${hourOf(at)}\u00a0h` : minute(at));

/** Where some days are far, all are named in one way. */
function dayWords(at, now, far = false) {
  const away = daysFrom(now, at);
  if (away === 0) return t("day.today_short");
  return far || Math.abs(away) > 9 ? farDay(at) : shortDay(at);
}

export function timeAxis(from, until, look) {
  const { lines, labels, words } = marks(from, until, look);
  const inside = labels.filter((at) => at < until - (until - from) * EDGE);
  return {
    type: "time", min: from, max: until,
    axisLine: { lineStyle: { color: look.colours["line-firm"] } },
    axisTick: { show: false, customValues: lines },
    splitLine: { show: true, lineStyle: { color: look.colours.line } },
    axisLabel: { color: look.colours["ink-2"], customValues: inside, hideOverlap: true, formatter: words },
  };
}

/** @param {{value: number}[]} points all that is drawn, in stored units */
export function valueAxis(metric, points, colours, { summed = false } = {}) {
  const share = scale(metric) === 100 && metric.family !== "air";
  const fromZero = summed || ["power_kw", "gas_power_kw"].includes(metric.metric) || metric.nature === "count";
  const positive = points.every(({ value }) => value >= 0);
  return {
    type: "value", scale: true, splitNumber: 4,
    min: share || (fromZero && positive) ? 0 : null,
    max: share ? 100 : null,
    interval: share ? 25 : null,
    axisLabel: { color: colours["ink-3"], formatter: (value) => number(value, Number.isInteger(value) ? 0 : 1) },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

/** When a point or a bar is, in words, as finely as it is known. */
export function whenWords(at, { step, grain }, now, time) {
  if (grain === "week") return t("chart.week_of", { day: longDay(at) });
  if (grain === "month") return monthYear(at);
  return grain === "day" || step >= DAY_MS ? longDay(at) : moment(at, now, time);
}
