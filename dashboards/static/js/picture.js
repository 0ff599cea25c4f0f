/**
 * The picture of one commune: its sensors, the newest reading of each series, what was expected, the state of each.
 *
 * Whatever comes touches only what it is about: a commune has thousands of series, and hundreds of them speak in a second.
 */

import { now, read, readAll } from "./api.js";

/** The worst first; a sensor is in the worst state of its series, and in alarm when an alarm of it asks for a person. */
export const STATES = ["alarm", "watch", "silent", "suspect", "muted", "normal"];
const LATE_STEPS = 3;
const RANK = new Map(STATES.map((state, rank) => [state, rank]));

const TREND_HOURS = 24;
// A series that speaks every second must not fill its sparkline with points that nobody could tell apart.
const TREND_LEAST_MS = 10 * 60_000;
/** Trends kept at once: of the rows that are seen, and of those that were a moment ago. */
const TRENDS_MAX = 300;
/** Newest readings asked at once: a page of them is taken in less time than anybody sees. */
const LATEST_PAGE = 5000;
const SENSORS_PAGE = 1000;

export class Picture {
  /** @type {Map<number, object>} rows by sensor: `{sensor, main, series, state, words}` */
  rows = new Map();
  /** @type {Map<number, object>} series by id: `{series_id, metric, row, latest, trend}`; no trend until it is seen */
  series = new Map();
  newest = null;
  #counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  #book = { alarming: new Set(), muted: new Set() };
  #trended = new Set();

  /** @param {string} commune @param {Map<string, object>} metrics by name, each with its place in the table's own order */
  constructor(commune, metrics) {
    this.commune = commune;
    this.metrics = metrics;
  }

  /** Read everything. */
  async load() {
    const commune = this.commune;
    const latest = read("/latest", { commune, limit: LATEST_PAGE });
    latest.catch(() => {});
    const sensors = await readAll("/sensors", { commune, limit: SENSORS_PAGE });
    // A retired sensor has no present: it is neither silent nor normal.
    for (const sensor of sensors) if (!sensor.retired_at) this.#addRow(sensor);
    await this.#readLatest(latest);
    for (const row of this.rows.values()) this.#judge(row);
    return this;
  }

  /** Read again what was expected and the states; return the rows that changed. */
  refresh() {
    return this.#readLatest(read("/latest", { commune: this.commune, limit: LATEST_PAGE }));
  }

  /** Take readings of the live feed; return the rows that changed, and whether there was a series that nobody knew. */
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
      // What comes late says nothing of now: its sensor stays as it was until the states are read again.
      const late = now() - at > LATE_STEPS * series.metric.step_s * 1000;
      const state = late ? (series.latest?.state ?? "silent") : stateNow(series, item, expected);
      series.latest = { value: item.value, quality: item.quality, at, expected, state };
      this.#extend(series);
      this.#meet(at);
      this.#judge(series.row);
      touched.add(series.row);
    }
    return { touched, strangers };
  }

  /** Take what the alarms say of the sensors; return the rows that changed. */
  heed(book) {
    const before = this.#book;
    this.#book = book;
    const touched = new Set();
    for (const id of new Set([...before.alarming, ...before.muted, ...book.alarming, ...book.muted])) {
      const row = this.rows.get(id);
      if (row && this.#judge(row)) touched.add(row);
    }
    return touched;
  }

  /** Sensors by state, with the total. */
  counts() {
    return { total: this.rows.size, ...this.#counts };
  }

  /** Normal sensors that will be forecast and are not yet: it cannot be said that they are as expected. */
  get waiting() {
    let waiting = 0;
    for (const { state, main } of this.rows.values()) if (state === "normal" && main.metric.forecast_step_s && !main.latest?.expected) waiting += 1;
    return waiting;
  }

  get kinds() {
    return [...new Set([...this.rows.values()].map((row) => row.sensor.kind))];
  }

  /** Series of these that have no trend yet. */
  trendless(series) {
    return series.filter((id) => this.series.get(id)?.trend === null);
  }

  /** Keep the trends of series that are seen; the oldest leave. */
  keepTrends(trends) {
    for (const [id, points] of trends) {
      const series = this.series.get(id);
      if (!series) continue;
      series.trend = points;
      this.#trended.delete(id);
      this.#trended.add(id);
    }
    for (const id of this.#trended) {
      if (this.#trended.size <= TRENDS_MAX) break;
      this.#trended.delete(id);
      this.series.get(id).trend = null;
    }
  }

  #addRow(sensor) {
    const row = { sensor, series: [], main: null, state: "silent", words: plain(`${sensor.site.name} ${sensor.name} ${sensor.external_id}`) };
    for (const { series_id, metric } of sensor.series) {
      const series = { series_id, metric: this.metrics.get(metric), row, latest: null, trend: null };
      this.series.set(series_id, series);
      row.series.push(series);
    }
    // The main one: forecast before not forecast, then in the table's own order.
    row.series.sort(
      (a, b) => Number(!a.metric.forecast_step_s) - Number(!b.metric.forecast_step_s) || a.metric.order - b.metric.order,
    );
    row.main = row.series[0] ?? null;
    this.rows.set(sensor.sensor_id, row);
    this.#counts[row.state] += 1;
  }

  async #readLatest(first) {
    const touched = new Set();
    for (let answer = await first; ; ) {
      this.#takeLatest(answer.items, touched);
      if (answer.next === null) return touched;
      answer = await read("/latest", { commune: this.commune, limit: LATEST_PAGE, after: answer.next });
    }
  }

  #takeLatest(items, touched) {
    for (const item of items) {
      const series = this.series.get(item.series_id);
      if (!series) continue;
      const at = Date.parse(item.observed_at);
      const before = series.latest;
      const { value, quality, expected, state } = item;
      if (before && at < before.at) {
        // The feed was faster than this answer; what it says of the step still holds.
        if (sameStep(series, at, before.at)) Object.assign(before, { expected, state: stateNow(series, before, expected) });
        touched.add(series.row);
      } else {
        series.latest = { value, quality, expected, state, at };
        this.#meet(at);
        if (before?.state !== state || before?.expected?.p50 !== expected?.p50 || before?.at !== at) touched.add(series.row);
      }
      if (this.#judge(series.row)) touched.add(series.row);
    }
  }

  /** Give a row the state that its series and the alarms make; whether it is another one. */
  #judge(row) {
    const before = row.state;
    row.state = this.#stateOf(row);
    if (before === row.state) return false;
    this.#counts[before] -= 1;
    this.#counts[row.state] += 1;
    return true;
  }

  // Batteries and radio levels speak once a day: they say nothing of whether the sensor is alive.
  #stateOf({ sensor, series }) {
    if (this.#book.alarming.has(sensor.sensor_id)) return "alarm";
    let rank = RANK.get("normal");
    let heard = false;
    for (const { latest, metric } of series) {
      if (!latest || metric.family === "health") continue;
      heard = true;
      rank = Math.min(rank, RANK.get(latest.state));
    }
    if (!heard) return "silent";
    return STATES[rank] === "normal" && this.#book.muted.has(sensor.sensor_id) ? "muted" : STATES[rank];
  }

  #extend(series) {
    if (series.trend === null) return;
    const { at, value } = series.latest;
    const oldest = at - TREND_HOURS * 3_600_000;
    const kept = series.trend.filter(([before]) => before >= oldest && before < at - TREND_LEAST_MS);
    series.trend = [...kept, [at, value]];
  }

  #meet(at) {
    if (at <= now()) this.newest = Math.max(this.newest ?? at, at);
  }
}

/** Sensors by state of communes as their summaries have them. */
export function countsOf(summaries) {
  const sum = (name) => summaries.reduce((total, commune) => total + (commune[name] ?? 0), 0);
  return { total: sum("sensors"), alarm: sum("alarming"), watch: sum("watch"), silent: sum("silent"), suspect: sum("suspect"), muted: sum("muted"), normal: sum("normal") };
}

/** Words as a search compares them: without accents, in small letters. */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether two instants lie in one step of the series' forecast. */
function sameStep({ metric }, one, other) {
  const step = (metric.forecast_step_s ?? 0) * 1000;
  return step > 0 && Math.floor(one / step) === Math.floor(other / step);
}

// As the API colours a series: it has just spoken, so it is not silent.
function stateNow(series, { value, quality }, expected) {
  if (quality) return "suspect";
  if (!expected) return "normal";
  return value < expected.p05 || value > expected.p95 ? "watch" : "normal";
}
