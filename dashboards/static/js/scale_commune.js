/** Supervision of one commune: its sensors on the map and in the list, live. */

import { el, glyph } from "./element.js";
import { expectedWords } from "./expected.js";
import { number, percent, whole } from "./formats.js";
import { read } from "./api.js";
import { lookOf, readMembers } from "./alarms.js";
import { countsOf, Picture } from "./picture.js";
import { kindTable } from "./reception.js";
import { supervision } from "./verdict.js";
import { t } from "./words.js";

const LEADERS_MAX = 9;
const GATEWAYS_MAX = 3;
// A picture of the map costs more than all the rest of a second: states are given to it together, those of alarms at once.
const MAP_MS = 3000;

export class CommuneScale {
  #members = new Map();
  #waiting = new Set();
  #timer = 0;

  /** @param {{insee: string, name: string}} commune @param {{map: HTMLElement, list: HTMLElement}} parts */
  constructor(commune, { map, list }) {
    this.commune = commune;
    this.insee = commune.insee;
    this.map = map;
    this.list = list;
  }

  /** Take what is known before the sensors are read: alarms, metrics, and how many sensors are in which state. */
  begin({ book, metrics, summary }) {
    this.book = book;
    this.metrics = new Map(metrics.map((metric, order) => [metric.metric, { ...metric, order }]));
    this.summary = summary.find(({ insee }) => insee === this.insee);
  }

  async load() {
    const contours = read("/communes/contours", { commune: this.insee });
    contours.catch(() => {});
    this.picture = await new Picture(this.insee, this.metrics).load();
    this.picture.heed(this.book);
    this.list.show(this.picture);
    this.contours = await contours.catch(() => null);
    this.map.hidden = !this.contours;
  }

  get empty() {
    return !this.picture.rows.size;
  }

  get sensors() {
    return [...this.picture.rows.values()].map(({ sensor }) => sensor);
  }

  get kinds() {
    return this.picture?.kinds ?? [];
  }

  get newest() {
    return this.picture.newest;
  }

  get counts() {
    return this.picture ? this.picture.counts() : countsOf(this.summary ? [this.summary] : []);
  }

  newestOf(series) {
    return this.picture.series.get(series)?.latest?.value;
  }

  sensorOf(id) {
    return this.picture.rows.get(id)?.sensor;
  }

  verdict(age) {
    return supervision(this.counts, { commune: this.commune.name, waiting: this.picture?.waiting ?? 0, newest: age, alarms: this.book });
  }

  /** What stands under each counter. */
  get hints() {
    const { total, normal, muted } = this.counts;
    const share = total ? percent(normal / total, normal === total ? 0 : 1) : "";
    const behind = this.book.behindGateways;
    return {
      all: this.picture ? t("figures.kinds", { n: this.kinds.length }) : "",
      watch: t("figures.watch_hint"),
      silent: behind ? t("supervision.behind", { n: behind, m: this.book.gateways.length }, this.book.gateways.length) : t("figures.silent_hint"),
      suspect: t("figures.suspect_hint"),
      normal: muted ? t("supervision.muted_beside", { n: number(muted) }, muted) : t("figures.share", { share }),
    };
  }

  /** Take readings; false where a sensor spoke that nobody knew. */
  take({ items }) {
    const { touched, strangers } = this.picture.apply(items);
    this.#moved(touched);
    return !strangers;
  }

  async refresh() {
    this.#moved(await this.picture.refresh());
    this.settle();
  }

  heed(book) {
    this.book = book;
    this.#moved(this.picture.heed(book));
    this.#flush();
  }

  /** Lay out again what moved, unless a person is at work in it. */
  settle() {
    if (this.list.hidden || !this.list.busy) this.list.arrange();
  }

  narrow(filter) {
    this.list.narrow(filter);
    this.draw();
  }

  reception(items) {
    return kindTable(this.picture, items);
  }

  draw() {
    if (!this.contours || this.map.parentNode.hidden) return;
    const rows = [...this.picture.rows.values()].filter(this.list.fits);
    this.map.show({ communes: this.contours, points: rows.map(pointOf), chosen: this.insee });
  }

  /** The numbers of the queue on the map, and gateways by what they silence. */
  async call(numbered) {
    const named = numbered.slice(0, LEADERS_MAX).flatMap((alarm, place) => {
      const row = this.picture.rows.get(alarm.sensor?.sensor_id);
      return row ? [{ id: row.sensor.sensor_id, number: place + 1, title: row.sensor.name, sub: this.#value(alarm, row) }] : [];
    });
    if (!this.contours || this.map.parentNode.hidden) return;
    this.map.leaders([...named, ...(await this.#behind())]);
  }

  /** One label for the sensors that a gateway silences, at the first of them; asked for once for each. */
  async #behind() {
    const calls = this.book.gateways.slice(0, GATEWAYS_MAX).map(async (alarm) => {
      const key = `${alarm.alarm_id} ${alarm.members}`;
      if (!this.#members.has(key)) this.#members.set(key, (await readMembers(alarm.alarm_id)).items.find(({ sensor }) => sensor)?.sensor.sensor_id);
      return { id: this.#members.get(key), number: null, title: t("supervision.silent", { n: alarm.members }), sub: t("supervision.one_gateway") };
    });
    return (await Promise.all(calls).catch(() => [])).filter(({ id }) => id !== undefined);
  }

  choose(alarm) {
    this.map.choose(alarm?.sensor?.sensor_id ?? null);
  }

  /** What is known of the sensor under a click. */
  card(id) {
    const row = this.picture.rows.get(id);
    if (!row) return null;
    const { main, sensor, state } = row;
    const latest = main?.latest;
    const page = main ? `/capteur?series=${main.series_id}` : `/capteur?sensor=${sensor.sensor_id}`;
    return el(
      "p",
      { class: "pointed" },
      glyph(`s-${state}`, t(`state.${state}`)),
      el("span", {}, el("strong", {}, sensor.name), el("span", { class: "quiet" }, ` ${sensor.site.name}`)),
      latest ? el("span", {}, whole(main.metric, latest.value), el("span", { class: "quiet" }, ` ${expectedWords(main.metric, latest.expected)}`)) : null,
      el("a", { class: "btn", href: page }, t("supervision.open")),
    );
  }

  #value(alarm, row) {
    const series = row.series.find(({ series_id: id }) => id === alarm.series_id);
    return series?.latest && lookOf(alarm) === "alarm" ? whole(series.metric, series.latest.value) : "";
  }

  #moved(rows) {
    if (!rows.size) return;
    this.list.touch(rows);
    for (const row of rows) this.#waiting.add(row);
    this.#timer ||= setTimeout(() => this.#flush(), MAP_MS);
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.contours && !this.map.parentNode.hidden) this.map.update([...this.#waiting].map(({ sensor, state }) => ({ id: sensor.sensor_id, state })));
    this.#waiting.clear();
  }
}

function pointOf({ sensor, state }) {
  const { longitude: lon, latitude: lat, name } = sensor.site;
  return { id: sensor.sensor_id, lon, lat, state, label: `${sensor.name}, ${name}` };
}
