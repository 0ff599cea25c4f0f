/** Supervision of all communes that a person sees: one mark and one line a commune, the worst first. */

import { now, read } from "./api.js";
import { el, glyph } from "./element.js";
import { ago, number, percent } from "./formats.js";
import { boundsOf } from "./map_camera.js";
import { countsOf, plain, STATES } from "./picture.js";
import { minuteTable } from "./reception.js";
import { table } from "./table.js";
import { t } from "./words.js";
import { metropole } from "./verdict.js";

const SHOWN = 40;
const ORIGINS_SEEN = 100;
// A commune's name stands in its middle: the mark is under it.
const MARK_HEIGHT = 0.36;
const COUNTED = { alarm: "alarming", watch: "watch", silent: "silent", suspect: "suspect" };
// Past this the newest reading of a commune is old news, as in the clock of the header.
const STALE_MS = 30 * 60_000;
const byName = new Intl.Collator("fr").compare;

/** The state a commune is marked with: the worst of its sensors. */
const worstOf = (commune) => Object.keys(COUNTED).find((state) => commune[COUNTED[state]]) ?? "normal";

export class MetropoleScale {
  insee = null;
  sensors = [];
  kinds = [];
  metrics = new Map();
  /** What the feed brought last; the summary tells no instants of communes that are heard. */
  newest = null;
  #filter = { state: "all", search: "" };

  /** @param {{map: HTMLElement, list: HTMLElement}} parts */
  constructor({ map, list }) {
    this.map = map;
    this.list = list;
  }

  begin({ book, metrics, summary }) {
    this.book = book;
    this.metrics = new Map(metrics.map((metric) => [metric.metric, metric]));
    this.#take(summary);
  }

  async load() {
    const contours = read("/communes/contours");
    contours.catch(() => {});
    // Whether anything here is simulated: the first of the sensors tell, and those that are in alarm.
    this.sensors = (await read("/sensors", { limit: ORIGINS_SEEN })).items;
    this.contours = await contours.catch(() => null);
    this.map.hidden = !this.contours;
  }

  get empty() {
    return !this.items.length;
  }

  get counts() {
    return countsOf(this.items);
  }

  get hints() {
    const behind = this.book.behindGateways;
    const among = (name) => t("supervision.in_communes", { n: this.items.filter((commune) => commune[name]).length });
    return {
      all: t("supervision.communes", { n: this.items.length }),
      watch: among("watch"),
      silent: behind ? t("supervision.behind", { n: behind, m: this.book.gateways.length }, this.book.gateways.length) : among("silent"),
      suspect: among("suspect"),
      normal: t("figures.share", { share: percent(this.counts.normal / this.counts.total, 1) }),
    };
  }

  newestOf() {
    return undefined;
  }

  sensorOf() {
    return undefined;
  }

  verdict() {
    return metropole(this.counts, { communes: this.items, alarms: this.book });
  }

  /** Readings of so many communes are counted, not drawn. */
  take({ items }) {
    for (const { observed_at: at } of items) {
      const seen = Date.parse(at);
      if (seen <= now()) this.newest = Math.max(this.newest ?? seen, seen);
    }
    return true;
  }

  async refresh() {
    this.#take((await read("/metropole")).items);
    this.settle();
  }

  heed(book) {
    this.book = book;
  }

  narrow(filter) {
    Object.assign(this.#filter, filter);
    this.settle();
  }

  settle() {
    this.#writeList();
    this.draw();
  }

  reception(items) {
    return minuteTable(items);
  }

  draw() {
    if (!this.contours || this.map.parentNode.hidden) return;
    const places = new Map(this.contours.features.map(({ properties, geometry }) => [properties.insee, middleOf(geometry)]));
    const marks = this.items.filter(this.#fits).flatMap((commune) => (places.has(commune.insee) ? [this.#mark(commune, places.get(commune.insee))] : []));
    this.map.show({ communes: this.contours, points: [], chosen: null, marks });
  }

  call() {
    this.map.leaders?.([]);
  }

  choose() {}

  card() {
    return null;
  }

  #mark(commune, at) {
    const state = worstOf(commune);
    return { insee: commune.insee, state, count: commune[COUNTED[state]] ?? 0, at };
  }

  #take(items) {
    this.items = items.filter(({ sensors }) => sensors);
    const rank = (commune) => STATES.indexOf(worstOf(commune));
    const worse = (one, other) => rank(one) - rank(other) || other.alarming - one.alarming || other.watch + other.silent + other.suspect - one.watch - one.silent - one.suspect;
    this.items.sort((one, other) => worse(one, other) || byName(one.name, other.name));
  }

  #fits = (commune) => {
    const { state, search } = this.#filter;
    const wanted = state === "all" || Boolean(commune[COUNTED[state] ?? state]);
    return wanted && plain(commune.name).includes(plain(search));
  };

  #writeList() {
    const active = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const heads = [[t("supervision.commune")], [t("supervision.sensors"), "num wide"], ...Object.keys(COUNTED).map((state) => [t(`figures.${state}`), "num"]), [t("supervision.received"), "num wide"], [t("supervision.refused"), "num wide"]];
    const rows = this.items.filter(this.#fits).map((commune) => this.#line(commune));
    this.list.setAttribute("aria-busy", "false");
    this.list.replaceChildren(rows.length ? table(t("supervision.communes_caption"), heads, rows, { cut: SHOWN }) : el("p", { class: "lede none" }, t("communes.none")));
    if (active) this.list.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
  }

  #line(commune) {
    const state = worstOf(commune);
    const old = commune.stale_since && now() - Date.parse(commune.stale_since) > STALE_MS;
    const name = el("a", { href: `/supervision?commune=${commune.insee}` }, commune.name);
    const cell = (value) => el("td", { class: value ? "num" : "num quiet" }, number(value));
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "state" }, glyph(`s-${state}`, t(`state.${state}`)), name), old ? el("span", { class: "small quiet" }, ` ${ago(now() - Date.parse(commune.stale_since))}`) : null),
      el("td", { class: "num wide" }, number(commune.sensors)),
      ...Object.values(COUNTED).map((column) => cell(commune[column])),
      el("td", { class: "num wide" }, number(commune.received_10min)),
      el("td", { class: commune.refused_today ? "num wide" : "num wide quiet" }, number(commune.refused_today)),
    );
  }
}

function middleOf(geometry) {
  const [west, south, east, north] = boundsOf([geometry]);
  return [(west + east) / 2, south + MARK_HEIGHT * (north - south)];
}
