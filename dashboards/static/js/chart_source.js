/** What a chart shows: what was measured over a period, and the newest forecast of one series. */

import { now, read, Refusal } from "./api.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const PERIODS = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "1y": 365 * DAY_MS, "5y": 1826 * DAY_MS };
/** What adds up (an index, a count) is shown by its sums over hours, or local days, weeks, months. */
const GRAINS = { "24h": "hour", "7d": "hour", "30d": "day", "1y": "week", "5y": "month" };
// A day of forecast is narrower than a pixel of these.
const WITHOUT_FORECAST = ["1y", "5y"];
const QUANTILES = ["p05", "p10", "p25", "p50", "p75", "p90", "p95"];
const LATE_MS = 60_000;

const adds = (metric) => metric.nature === "index" || metric.nature === "count";
const grainOf = (metric, period) => (adds(metric) ? GRAINS[period] : null);
/** Whether sums over more than an hour are shown: what is expected of an hour cannot be held against them. */
const isLong = (metric, period) => ![null, "hour"].includes(grainOf(metric, period));

/** The metric as a period shows it: the sum of a day is no longer by hour. */
export const shownMetric = (metric, period) => (isLong(metric, period) ? { ...metric, summed: true } : metric);

/** Whether a period is short enough for a forecast to be seen. */
export const isAhead = (metric, period) => !WITHOUT_FORECAST.includes(period) && !isLong(metric, period);

/**
 * @param {number} width pixels of the drawing: no more points than can be told apart are asked for
 * @returns {Promise<{metric, period, from, step, points: {at, value, low, high, broken}[], bars: object[] | null,
 *   doubtful: {at, value, quality}[], ranged: boolean, forecast: object | null, ahead: boolean, gap: number, grain: string | null}>}
 *   `step`: milliseconds that a point is the mean of, null where it is a reading; `bars`: sums by `grain`, else null;
 *   `ranged`: whether a point has a lowest and a highest reading worth telling: those of a state are free and occupied;
 *   `ahead`: whether the period is short enough for a forecast to be seen;
 *   `gap`: milliseconds without a live point after which the line breaks
 */
export async function readChart({ series_id, metric }, period, width, signal) {
  const until = now();
  const from = until - PERIODS[period];
  const window = { from: new Date(from).toISOString(), until: new Date(until + LATE_MS).toISOString() };
  const grain = grainOf(metric, period);
  const ahead = isAhead(metric, period);
  const [measured, forecast] = await Promise.all([
    grain ? readBars(series_id, { ...window, by: grain }, signal) : readPoints(series_id, { ...window, points: width }, metric, signal),
    metric.forecast_step_s && ahead ? readForecast(series_id, signal) : null,
  ]);
  return { metric: shownMetric(metric, period), period, from: Math.min(from, measured.bars?.[0]?.at ?? from), forecast, ahead, grain, ...measured };
}

async function readPoints(id, window, metric, signal) {
  const { step_s: step, t, mean, low, high, doubtful } = await read(`/series/${id}/chart`, window, signal);
  const points = [];
  let broken = false;
  t.forEach((text, place) => {
    const value = mean[place];
    if (value !== null) points.push({ at: Date.parse(text), value, low: low[place], high: high[place], broken });
    broken = value === null && points.length > 0;
  });
  const marked = doubtful.map(({ observed_at: at, value, quality }) => ({ at: Date.parse(at), value, quality }));
  return { step: step && step * 1000, points, doubtful: marked, bars: null, ranged: Boolean(step) && metric.nature !== "state", gap: 3 * Math.max(metric.step_s, step ?? 0) * 1000 };
}

async function readBars(id, window, signal) {
  const { items } = await read(`/series/${id}/rollups`, window, signal);
  const bars = items
    .filter(({ increment }) => increment !== null)
    .map(({ start, end, increment, hours_valid: valid, hours_due: due }) => {
      return { at: Date.parse(start), until: Date.parse(end), value: increment, partial: valid < due || Date.parse(end) > now(), valid, due };
    });
  return { step: null, points: bars, doubtful: [], bars, ranged: false, gap: Infinity };
}

/** The newest forecast, null when there is none yet. */
export async function readForecast(id, signal) {
  try {
    const forecast = await read(`/series/${id}/forecast`, {}, signal);
    for (const step of forecast.steps) step.at = Date.parse(step.valid_at);
    return forecast;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** What was measured and what is expected as one list of rows in time order, for the table and the file. */
export function tableRows({ points, doubtful, step, bars, forecast }) {
  const quality = new Map(doubtful.map(({ at, quality: of }) => [at, of]));
  const known = ({ at, value, low, high }) => (step || bars ? { at, value, low, high } : { at, value, quality: quality.get(at) ?? 0 });
  const rows = points.map(known);
  for (const one of forecast?.steps ?? []) {
    const row = { at: one.at, naive: one.naive };
    for (const name of QUANTILES) row[name] = one[name];
    rows.push(row);
  }
  return rows.sort((a, b) => a.at - b.at);
}

/** The points with a hole wherever the line must break, and the holes. */
export function broken(points, gap) {
  const line = [];
  const holes = [];
  points.forEach((point, place) => {
    const before = points[place - 1];
    if (before && (point.broken || (point.broken === undefined && point.at - before.at > gap))) {
      line.push([before.at + 1, null]);
      holes.push([before.at, point.at]);
    }
    line.push([point.at, point.value]);
  });
  return { line, holes };
}
