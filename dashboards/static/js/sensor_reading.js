/** What the page of a sensor knows: the sensor and its series, their newest readings, what is expected, its alarms and health. */

import { now, read, Refusal } from "./api.js";
import { AlarmBook, isToTreat } from "./alarms.js";
import { readForecast } from "./chart_source.js";
import { language, t } from "./words.js";
import { whole } from "./formats.js";

const WEEK_DAYS = 7;
const OPEN = ["raised", "acknowledged", "snoozed", "muted"];

/** An answer, or null where the operation has none for this sensor. */
async function maybe(path, parameters) {
  try {
    return await read(path, parameters);
  } catch (error) {
    if (error instanceof Refusal && [403, 404, 409].includes(error.status)) return null;
    throw error;
  }
}

export class SensorReading {
  /** @type {object | null} the series that is shown: `{series_id, metric, row}` */
  series = null;
  /** @type {Map<number, object>} newest readings by series */
  latest = new Map();
  alarms = [];
  rules = [];
  /** How many alarms of the commune ask for somebody now. */
  waiting = 0;
  forecast = null;
  uplink = null;
  quality = null;

  constructor(sensor, metrics) {
    this.metrics = metrics;
    this.#adopt(sensor);
  }

  #adopt(sensor) {
    this.sensor = sensor;
    const row = { sensor, series: [] };
    row.series = sensor.series.map(({ series_id, metric }) => ({ series_id, metric: this.metrics.get(metric), row }));
    // The main one first: forecast before not forecast, then in the table's own order, as everywhere.
    row.series.sort((a, b) => Number(!a.metric.forecast_step_s) - Number(!b.metric.forecast_step_s) || a.metric.order - b.metric.order);
    this.row = row;
  }

  /** Choose a series of the sensor; return whether it is another than before. */
  choose(id) {
    const before = this.series?.series_id;
    this.series = this.row.series.find(({ series_id: own }) => own === id) ?? this.row.series[0] ?? null;
    return before !== this.series?.series_id;
  }

  /** Read the sensor itself again: a person changed it. */
  async renew() {
    this.#adopt(await read(`/sensors/${this.sensor.sensor_id}`));
    this.choose(this.series?.series_id);
  }

  /** Read what changes by itself. */
  async read() {
    const { sensor_id: id } = this.sensor;
    const series = this.series;
    const [latest, alarms, rules, waiting, uplink, quality, forecast] = await Promise.all([
      read("/latest", { sensor_id: id }),
      maybe("/alarms", { sensor_id: id, state: "open", language }),
      maybe("/alarm-rules", { language }),
      AlarmBook.read(this.sensor.site.commune_insee).then(({ toTreat }) => toTreat.length, () => 0),
      maybe(`/sensors/${id}/uplink`, { days: WEEK_DAYS }),
      maybe(`/sensors/${id}/quality`, { days: WEEK_DAYS, step: "PT2H" }),
      series?.metric.forecast_step_s ? readForecast(series.series_id) : null,
    ]);
    if (series !== this.series) return;
    this.latest = new Map(latest.items.map((item) => [item.series_id, { ...item, at: Date.parse(item.observed_at) }]));
    Object.assign(this, { alarms: alarms?.items ?? [], rules: rules?.items ?? [], waiting, uplink, quality, forecast });
  }

  /** Take readings of the live feed; return whether one was of this sensor. */
  take(items) {
    const own = items.filter(({ sensor_id: id }) => id === this.sensor.sensor_id);
    for (const item of own) {
      const at = Date.parse(item.observed_at);
      const before = this.latest.get(item.series_id);
      if (!before || at > before.at) this.latest.set(item.series_id, { expected: null, state: "normal", flags: [], ...before, ...item, at });
    }
    return own.length > 0;
  }

  /** The newest reading of the shown series, null when it never spoke. */
  get reading() {
    return this.latest.get(this.series?.series_id) ?? null;
  }

  /** When the sensor was last heard, in milliseconds; null when never. */
  get newest() {
    return Math.max(0, ...[...this.latest.values()].map(({ at }) => at).filter((at) => at <= now())) || null;
  }

  /** The open alarms of the sensor, the most urgent first; those of the shown series before the others. */
  get open() {
    const open = this.alarms.filter(({ state }) => OPEN.includes(state));
    const own = ({ series_id: id }) => id === null || id === this.series?.series_id;
    return [...open.filter(own), ...open.filter((alarm) => !own(alarm))];
  }

  /** The state that a person should see: an open alarm before what the newest reading itself tells; "" without one. */
  get state() {
    const own = this.open.find((alarm) => (alarm.series_id === null || alarm.series_id === this.series?.series_id) && isToTreat(alarm));
    return own ? "alarm" : this.reading?.state ?? "";
  }

  /** The limits that rules set on the shown series, as the chart draws them. */
  get limits() {
    const { metric } = this.series ?? {};
    const found = this.rules.filter((rule) => rule.condition === "threshold" && rule.enabled && this.#covers(rule));
    const at = new Map();
    for (const rule of found.sort((a, b) => scopeRank(b) - scopeRank(a))) {
      const value = rule.parameters.raise;
      if (!at.has(value)) at.set(value, { value, side: rule.parameters.side, severity: rule.severity, words: t(`sensor_page.limit_${scopeOf(rule)}`, { value: whole(metric, value) }) });
    }
    return [...at.values()];
  }

  #covers({ metric, kind, commune_insee: commune, site_id: site, sensor_id: sensor }) {
    const own = this.sensor;
    const fits = (wanted, is) => wanted === null || wanted === undefined || wanted === is;
    return metric === this.series?.metric.metric && fits(kind, own.kind) && fits(commune, own.site.commune_insee) && fits(site, own.site.site_id) && fits(sensor, own.sensor_id);
  }
}

const SCOPES = ["any", "commune", "site", "sensor"];
const scopeOf = ({ sensor_id: sensor, site_id: site, commune_insee: commune }) => (sensor ? "sensor" : site ? "site" : commune ? "commune" : "any");
const scopeRank = (rule) => SCOPES.indexOf(scopeOf(rule));

/**
 * The sensor of an address, by its own id or by that of one of its series.
 * @param {{sensor: string, series: string}} asked as the address says them, "" where it does not
 */
export async function readSensor(asked) {
  const found = asked.sensor ? null : await read(`/series/${encodeURIComponent(asked.series)}`);
  const [sensor, quantities] = await Promise.all([read(`/sensors/${encodeURIComponent(asked.sensor || found.sensor_id)}`), read("/quantities")]);
  const about = new SensorReading(sensor, new Map(quantities.items.map((metric, order) => [metric.metric, { ...metric, order }])));
  about.choose(Number(asked.series));
  return about;
}
