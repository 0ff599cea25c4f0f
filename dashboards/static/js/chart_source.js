/** What a chart shows: the readings of a period and the newest forecast of one series. */

import { now, read, Refusal } from "./api.js";

const HOUR_MS = 3_600_000;
export const PERIODS = { "24h": 24 * HOUR_MS, "7d": 168 * HOUR_MS, "30d": 720 * HOUR_MS };
const QUANTILES = ["p05", "p10", "p25", "p50", "p75", "p90", "p95"];

/** Minutes of each mean of a period, null for the readings themselves. */
function meanMinutes(metric, period) {
  const least = metric.step_s / 60;
  const wanted = metric.nature === "state" ? { "24h": 15, "7d": 60, "30d": 180 } : { "24h": null, "7d": 15, "30d": 60 };
  return wanted[period] && Math.max(wanted[period], Math.min(least, 1440));
}

/**
 * @returns {Promise<{metric, period, from, points: {at, value, quality}[], forecast: object | null, minutes, gap}>}
 *   `gap`: milliseconds without a point after which the line breaks
 */
export async function readChart({ series_id, metric }, period, signal) {
  const until = now();
  const from = until - PERIODS[period];
  const minutes = meanMinutes(metric, period);
  const window = { from: new Date(from).toISOString(), until: new Date(until + 60_000).toISOString() };
  const [points, forecast] = await Promise.all([
    readPoints(series_id, { ...window, step: minutes && `PT${minutes}M` }, signal),
    metric.forecast_step_s ? readForecast(series_id, signal) : null,
  ]);
  const gap = 3 * Math.max(metric.step_s * 1000, (minutes ?? 0) * 60_000);
  return { metric, period, from, points, forecast, minutes, gap };
}

async function readPoints(id, window, signal) {
  const points = [];
  let after;
  do {
    const page = await read(`/series/${id}/readings`, { ...window, limit: 5000, after }, signal);
    for (const item of page.items) {
      points.push({ at: Date.parse(item.observed_at ?? item.start), value: item.value ?? item.mean, quality: item.quality ?? 0 });
    }
    after = page.next;
  } while (after);
  return points;
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

/** Readings and forecast as one list of rows in time order, for the table and the file. */
export function tableRows({ points, forecast }) {
  const rows = points.map(({ at, value, quality }) => ({ at, value, quality }));
  for (const step of forecast?.steps ?? []) {
    const row = { at: step.at, naive: step.naive };
    for (const name of QUANTILES) row[name] = step[name];
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
    if (before && point.at - before.at > gap) {
      line.push([before.at + 1, null]);
      holes.push([before.at, point.at]);
    }
    line.push([point.at, point.value]);
  });
  return { line, holes };
}
