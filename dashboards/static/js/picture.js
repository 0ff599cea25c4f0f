/** The picture of one commune: its sensors, the newest reading of each series, what was expected, the trend. */

import { now, read, readAll } from "./api.js";

const TREND_HOURS = 24;
const TREND_STEP = "PT30M";
// A series that speaks every second must not fill its sparkline with points that nobody could tell apart.
const TREND_LEAST_MS = 10 * 60_000;
/** The worst first; a sensor is in the worst state of its series. */
export const STATES = ["watch", "silent", "suspect", "normal"];

const worst = (states) => STATES.find((state) => states.includes(state)) ?? "normal";

export class Picture {
  /** @type {Map<number, object>} rows by sensor: `{sensor, main, series, state}` */
  rows = new Map();
  /** @type {Map<number, object>} series by id: `{series_id, metric, row, latest, trend}` */
  series = new Map();
  newest = null;

  constructor(commune) {
    this.commune = commune;
  }

  /** Read everything. */
  async load() {
    const commune = this.commune;
    const [quantities, sensors, latest, trends] = await Promise.all([
      read("/quantities"),
      readAll("/sensors", { commune }),
      read("/latest", { commune }),
      read("/trends", { commune, hours: TREND_HOURS, step: TREND_STEP }),
    ]);
    this.metrics = new Map(quantities.items.map((metric, order) => [metric.metric, { ...metric, order }]));
    // A retired sensor has no present: it is neither silent nor normal.
    for (const sensor of sensors) if (!sensor.retired_at) this.#addRow(sensor);
    this.#takeTrends(trends);
    this.#takeLatest(latest.items);
    return this;
  }

  /** Read again what was expected and the states; return the sensors that changed. */
  async refresh() {
    const { items } = await read("/latest", { commune: this.commune });
    return this.#takeLatest(items);
  }

  /** Take readings of the live feed; return the rows that changed, and the series nobody knew. */
  apply(items) {
    const touched = new Set();
    let strangers = false;
    for (const item of items) {
      const series = this.series.get(item.series_id);
      if (!series) {
        strangers = true;
        continue;
      }
      const at = Date.parse(item.observed_at);
      if (series.latest && at <= series.latest.at) continue;
      // What was expected belongs to its step; beyond it nothing is known until it is read again.
      const expected = series.latest && sameStep(series, at, series.latest.at) ? series.latest.expected : null;
      series.latest = { ...item, at, expected, state: series.latest?.state ?? "normal" };
      this.#extend(series);
      this.#meet(at);
      touched.add(series.row);
    }
    return { touched, strangers };
  }

  /** Sensors by state, with the total. */
  counts() {
    const counts = { total: this.rows.size, watch: 0, silent: 0, suspect: 0, normal: 0 };
    for (const row of this.rows.values()) counts[row.state] += 1;
    return counts;
  }

  /** Normal sensors that will be forecast and are not yet: it cannot be said that they are as expected. */
  get waiting() {
    const rows = [...this.rows.values()].filter(({ state }) => state === "normal");
    return rows.filter(({ main }) => main.metric.forecast_step_s && !main.latest?.expected).length;
  }

  get kinds() {
    return [...new Set([...this.rows.values()].map((row) => row.sensor.kind))];
  }

  #addRow(sensor) {
    const row = { sensor, series: [], main: null, state: "silent" };
    for (const { series_id, metric } of sensor.series) {
      const series = { series_id, metric: this.metrics.get(metric), row, latest: null, trend: [] };
      this.series.set(series_id, series);
      row.series.push(series);
    }
    // The main one: forecast before not forecast, then in the table's own order.
    row.series.sort(
      (a, b) => Number(!a.metric.forecast_step_s) - Number(!b.metric.forecast_step_s) || a.metric.order - b.metric.order,
    );
    row.main = row.series[0] ?? null;
    this.rows.set(sensor.sensor_id, row);
  }

  #takeTrends({ start, step_s, items }) {
    const origin = Date.parse(start);
    for (const { series_id, values } of items) {
      const series = this.series.get(series_id);
      if (!series) continue;
      series.trend = values.map((value, place) => [origin + place * step_s * 1000, value]).filter(([, value]) => value !== null);
    }
  }

  #takeLatest(items) {
    const touched = new Set();
    for (const item of items) {
      const series = this.series.get(item.series_id);
      if (!series) continue;
      const at = Date.parse(item.observed_at);
      const before = series.latest;
      if (before && at < before.at) {
        // The feed was faster than this answer; what it says of the step still holds.
        if (sameStep(series, at, before.at)) Object.assign(before, { expected: item.expected, state: item.state });
        touched.add(series.row);
        continue;
      }
      series.latest = { ...item, at };
      this.#meet(at);
      if (before?.state !== item.state || before?.expected?.p50 !== item.expected?.p50 || before?.at !== at) touched.add(series.row);
    }
    for (const row of this.rows.values()) row.state = stateOf(row);
    return touched;
  }

  #extend(series) {
    const { at, value } = series.latest;
    const oldest = at - TREND_HOURS * 3_600_000;
    const kept = series.trend.filter(([before]) => before >= oldest && before < at - TREND_LEAST_MS);
    series.trend = [...kept, [at, value]];
  }

  #meet(at) {
    if (at <= now()) this.newest = Math.max(this.newest ?? at, at);
  }
}

/** Whether two instants lie in one step of the series' forecast. */
function sameStep({ metric }, one, other) {
  const step = (metric.forecast_step_s ?? 0) * 1000;
  return step > 0 && Math.floor(one / step) === Math.floor(other / step);
}

// Batteries and radio levels speak once a day: they say nothing of whether the sensor is alive.
function stateOf(row) {
  const heard = row.series.filter((series) => series.latest && series.metric.family !== "health");
  return heard.length ? worst(heard.map((series) => series.latest.state)) : "silent";
}
