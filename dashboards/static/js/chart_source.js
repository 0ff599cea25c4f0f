/** What a chart shows: what was measured over a period or a zoom into it, and what was and is forecast of one series. */

import { now, read, Refusal } from "./api.js";
import { dayStart, toField } from "./paris.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const PERIODS = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "1y": 365 * DAY_MS, "5y": 1826 * DAY_MS };
/** What adds up (an index, a count) is shown by its sums over hours, or local days, weeks, months: the first that fits. */
const GRAINS = [["hour", 8 * DAY_MS], ["day", 62 * DAY_MS], ["week", 800 * DAY_MS], ["month", Infinity]];
// A day of forecast is narrower than a pixel of what is longer.
const FORECAST_SPAN_MS = 62 * DAY_MS;
/** Over how long a window it is shown what was forecast of each of its days. */
export const PAST_SPAN_MS = 8.5 * DAY_MS;
const QUANTILES = ["p05", "p10", "p25", "p50", "p75", "p90", "p95"];
const LATE_MS = 60_000;
const REFUSED = 50;

const adds = (metric) => metric.nature === "index" || metric.nature === "count";
const grainOf = (metric, span) => (adds(metric) ? GRAINS.find(([, longest]) => span <= longest)[0] : null);
/** Whether sums over more than an hour are shown: what is expected of an hour cannot be held against them. */
const isLong = (metric, span) => ![null, "hour"].includes(grainOf(metric, span));

/** The metric as a window of this length shows it: the sum of a day is no longer by hour. */
export const shownMetric = (metric, span) => (isLong(metric, span) ? { ...metric, summed: true } : metric);

/** Whether a window of this length is short enough for a forecast to be seen. */
export const isAhead = (metric, span) => span <= FORECAST_SPAN_MS && !isLong(metric, span);

/** The window of a chart: the zoom, else the period up to now. */
export function windowOf(period, zoom) {
  if (zoom) return { ...zoom, span: zoom.until - zoom.from };
  const until = now();
  return { from: until - PERIODS[period], until, span: PERIODS[period] };
}

/**
 * @param {object} series
 * @param {{period: string, zoom: {from: number, until: number} | null, past: boolean, width: number}} asked
 *   `width`: pixels of the drawing: no more points than can be told apart are asked for
 * @returns {Promise<{metric, from, until, zoomed: boolean, step, points: {at, value, low, high, broken}[], bars: object[] | null,
 *   doubtful: {at, value, quality, flags}[], refused: {at, reason}[], ranged: boolean, forecast: object | null, past: object[],
 *   ahead: boolean, gap: number, grain: string | null}>}
 *   `until`: where a zoom ends; of a period null: it ends with what is expected;
 *   `step`: milliseconds that a point is the mean of, null where it is a reading; `bars`: sums by `grain`, else null;
 *   `ranged`: whether a point has a lowest and a highest reading worth telling: those of a state are free and occupied;
 *   `past`: the forecasts that were issued before each of the days shown;
 *   `ahead`: whether the window reaches the present and is short enough for a forecast to be seen;
 *   `gap`: milliseconds without a live point after which the line breaks
 */
export async function readChart(series, { period, zoom, past, width }, signal) {
  const { series_id: id, metric, row } = series;
  const { from, until, span } = windowOf(period, zoom);
  const window = { from: new Date(from).toISOString(), until: new Date(Math.min(until, now()) + LATE_MS).toISOString() };
  const grain = grainOf(metric, span);
  const ahead = isAhead(metric, span) && until > now() - LATE_MS;
  const empty = { points: [], doubtful: [], bars: grain ? [] : null, step: null, ranged: false, gap: Infinity };
  const [measured, forecast, before, refused] = await Promise.all([
    from >= now() ? empty : grain ? readBars(id, { ...window, by: grain }, signal) : readPoints(id, { ...window, points: width }, metric, signal),
    metric.forecast_step_s && ahead ? readForecast(id, signal) : null,
    past && span <= PAST_SPAN_MS && !isLong(metric, span) ? readPasts(id, from, Math.min(until, now()), signal) : [],
    span <= FORECAST_SPAN_MS ? readRefused(row.sensor, from, until, signal) : [],
  ]);
  const first = zoom ? from : Math.min(from, measured.bars?.[0]?.at ?? from);
  return { metric: shownMetric(metric, span), from: first, until: zoom ? until : null, zoomed: Boolean(zoom), forecast, past: before, refused, ahead, grain, ...measured };
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
  const marked = doubtful.map(({ observed_at: at, value, quality, flags }) => ({ at: Date.parse(at), value, quality, flags })).sort((a, b) => a.at - b.at);
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

/** Times in milliseconds on the steps of a forecast. */
function timed(forecast) {
  for (const step of forecast.steps) step.at = Date.parse(step.valid_at);
  return forecast;
}

/** What an operation gives, or what stands for nothing where it has none. */
async function orElse(nothing, asked) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refusal && [403, 404].includes(error.status)) return nothing;
    throw error;
  }
}

/** The newest forecast, null when there is none yet. */
export async function readForecast(id, signal) {
  const forecast = await orElse(null, read(`/series/${id}/forecast`, {}, signal));
  return forecast && timed(forecast);
}

/** What was forecast of each local day of a window before it began. */
async function readPasts(id, from, until, signal) {
  const days = [];
  for (let day = dayStart(from); day < until; day = dayStart(day + 1.5 * DAY_MS)) days.push(toField(day).slice(0, 10));
  const found = await Promise.all(days.map((day) => orElse(null, read(`/series/${id}/forecasts/past`, { day }, signal))));
  return found.filter((one) => one?.steps.length).map(timed);
}

/** The messages of the sensor that were refused in a window: they are no readings, only marks. */
async function readRefused({ external_id: sensor }, from, until, signal) {
  const { items } = await orElse({ items: [] }, read("/rejections", { sensor, since: new Date(from).toISOString(), settled: false, limit: REFUSED }, signal));
  return items.map(({ received_at: at, reason }) => ({ at: Date.parse(at), reason })).filter(({ at }) => at < until);
}

/** The steps of the newest forecast that a chart shows: what is not over, and within the window. */
export function shownSteps({ forecast, from, until }, now) {
  return (forecast?.steps ?? []).filter(({ at }) => at >= Math.max(from, now - forecast.step_s * 1000) && (until === null || at <= until));
}

/** What was measured and what is expected as one list of rows in time order, for the table and the file. */
export function tableRows(source) {
  const { points, doubtful, step, bars, forecast, from, until } = source;
  const quality = new Map(doubtful.map(({ at, quality: of }) => [at, of]));
  const known = ({ at, value, low, high }) => (step || bars ? { at, value, low, high } : { at, value, quality: quality.get(at) ?? 0 });
  const rows = points.map(known);
  for (const one of forecast?.steps ?? []) {
    if (until !== null && (one.at < from || one.at > until)) continue;
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
