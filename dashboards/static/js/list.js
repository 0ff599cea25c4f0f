/**
 * `<vigie-sensors>`: the live list, by site; only the rows in sight exist, and only those that a reading touched are
 * written again. A row leads to the page of its sensor.
 */

import { now } from "./api.js";
import { el, glyph, patch } from "./element.js";
import { expectedWords } from "./expected.js";
import { ago, measured, unit } from "./formats.js";
import { plain, STATES } from "./picture.js";
import { spark } from "./spark.js";
import { readTrends } from "./trends.js";
import { get } from "./url.js";
import { t } from "./words.js";

const TREND = { hours: 24, step: "PT30M" };
const OVERSCAN = 8;
// Trends are asked for once the hand rests.
const REST_MS = 120;
const PRINTED_MAX = 400;
const AT_WORK_MS = 20_000;
const severity = (row) => STATES.indexOf(row.state);
const byName = new Intl.Collator("fr", { numeric: true, sensitivity: "base" }).compare;

class VigieSensors extends HTMLElement {
  #views = new Map();
  #picture = null;
  #filter = { state: "all", kind: "", search: "", muted: false };
  #lines = [];
  #tops = [];
  #moved = 0;
  #rest = 0;
  #heights = { site: 0, row: 0 };

  connectedCallback() {
    for (const kind of ["pointermove", "keydown", "scroll", "focusin"]) this.addEventListener(kind, () => (this.#moved = now()), { passive: true });
    this.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#lines.length && this.#draw()).observe(this);
    matchMedia("print").addEventListener("change", () => this.#draw());
  }

  /** Show a commune's sensors. */
  show(picture) {
    this.#picture = picture;
    this.#views.clear();
    this.setAttribute("aria-busy", "false");
    this.body = el("ul", { class: "rows" });
    this.arrange();
  }

  /** @param {{state?: string, kind?: string, search?: string, muted?: boolean}} filter */
  narrow(filter) {
    Object.assign(this.#filter, filter);
    this.scrollTop = 0;
    if (this.#picture) this.arrange();
  }

  /** Whether a sensor is among those that the filters leave. */
  fits = (row) => {
    const { state, kind, muted } = this.#filter;
    const search = plain(this.#filter.search);
    const wanted = state === "all" ? muted || row.state !== "muted" : row.state === state;
    return wanted && (!kind || row.sensor.kind === kind) && (!search || row.words.includes(search));
  };

  /** Whether a person is at work in the list: it then keeps its order. */
  get busy() {
    return now() - this.#moved < AT_WORK_MS && this.matches(":hover, :focus-within");
  }

  /** Lay the rows out again: sites with trouble first. */
  arrange() {
    const rows = [...this.#picture.rows.values()].filter(this.fits);
    const groups = [...Map.groupBy(rows, (row) => row.sensor.site.site_id).values()];
    for (const group of groups) group.sort((a, b) => severity(a) - severity(b) || byName(a.sensor.name, b.sensor.name));
    groups.sort((a, b) => severity(a[0]) - severity(b[0]) || byName(a[0].sensor.site.name, b[0].sensor.site.name));
    this.#lines = groups.flatMap((group) => [{ key: `site-${group[0].sensor.site.site_id}`, site: group[0].sensor.site }, ...group.map((row) => ({ key: row.sensor.sensor_id, row }))]);
    this.#lines.forEach((line, place) => (line.place = place));
    this.shown = rows.length;
    if (!rows.length) this.replaceChildren(this.#none());
    else if (this.body.parentNode !== this) this.replaceChildren(this.body);
    this.#measure();
    this.#draw();
    patch(document.querySelector("[data-shown]"), rows.length ? t("list.shown", { n: rows.length }) : "");
  }

  /** Write again the rows that changed. */
  touch(rows) {
    for (const row of rows) this.#views.get(row.sensor.sensor_id)?.update();
  }

  /** Let every age in sight grow. */
  tick() {
    for (const view of this.#views.values()) view.age?.();
  }

  // Heights come from the style sheet: a phone's rows are taller.
  #measure() {
    const style = getComputedStyle(this);
    const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#heights = { site: size * Number.parseFloat(style.getPropertyValue("--site-h")), row: size * Number.parseFloat(style.getPropertyValue("--row-h")) };
    let top = 0;
    this.#tops = this.#lines.map((line) => {
      const at = top;
      top += line.site ? this.#heights.site : this.#heights.row;
      return at;
    });
    this.body.style.height = `${top}px`;
  }

  #draw() {
    // Out of sight nothing is drawn, and no trend is asked for.
    if (!this.#lines.length || (!this.clientHeight && !matchMedia("print").matches)) return;
    const [first, last] = this.#range();
    const keys = new Set();
    const drawn = this.#lines.slice(first, last).map((line) => {
      keys.add(line.key);
      return this.#node(line);
    });
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      // Whoever stands on a row keeps it, wherever the list is scrolled to.
      if (view.node.contains(document.activeElement)) continue;
      view.node.remove();
      this.#views.delete(key);
    }
    drawn.forEach((node, place) => this.body.children[place] === node || this.body.insertBefore(node, this.body.children[place] ?? null));
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#loadTrends(), REST_MS);
  }

  #range() {
    if (matchMedia("print").matches) return [0, Math.min(PRINTED_MAX, this.#lines.length)];
    const { scrollTop, clientHeight } = this;
    const first = Math.max(0, lowerBound(this.#tops, scrollTop) - OVERSCAN);
    return [first, Math.min(this.#lines.length, lowerBound(this.#tops, scrollTop + clientHeight) + OVERSCAN)];
  }

  #node(line) {
    if (!this.#views.has(line.key)) this.#views.set(line.key, line.row ? new RowView(line.row) : siteView(line.site));
    const view = this.#views.get(line.key);
    view.update?.();
    view.node.style.top = `${this.#tops[line.place]}px`;
    if (line.row) {
      view.node.setAttribute("aria-posinset", line.place + 1);
      view.node.setAttribute("aria-setsize", this.#lines.length);
    }
    return view.node;
  }

  async #loadTrends() {
    const picture = this.#picture;
    const seen = [...this.#views.values()].map((view) => view.row?.main?.series_id).filter((id) => id !== undefined);
    const wanted = picture.trendless(seen);
    if (!wanted.length) return;
    try {
      const found = await readTrends(wanted, TREND);
      // What cannot be had is not asked for again and again.
      picture.keepTrends(new Map(wanted.map((id) => [id, found.get(id) ?? []])));
    } catch {
      return;
    }
    for (const view of this.#views.values()) view.draw?.();
  }

  #none() {
    const clear = () => this.dispatchEvent(new CustomEvent("vigie:cleared", { bubbles: true }));
    return el("p", { class: "lede none" }, t("list.none_match"), " ", el("button", { class: "btn", type: "button", onclick: clear }, t("list.clear")));
  }
}

/** The first place whose top is at or below a height. */
function lowerBound(tops, height) {
  let [low, high] = [0, tops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle] < height) low = middle + 1;
    else high = middle;
  }
  return low;
}

const siteView = (site) => ({ node: el("li", { class: "site" }, el("h3", {}, site.name)) });

/** One row; it holds its own nodes and writes only what changed. */
class RowView {
  constructor(row) {
    this.row = row;
    this.parts = {
      mark: el("span", { class: "mark" }),
      name: el("span", { class: "name" }, row.sensor.name),
      sub: el("span", { class: "sub" }),
      value: el("span", { class: "val" }),
      age: el("span", { class: "age" }),
      trend: el("span", { class: "trend" }),
    };
    const { mark, name, sub, value, age, trend } = this.parts;
    const query = row.main ? { commune: get("commune"), series: row.main.series_id } : { commune: get("commune"), sensor: row.sensor.sensor_id };
    this.link = el("a", { class: "row", href: `/capteur?${new URLSearchParams(query)}`, "data-sensor": row.sensor.sensor_id }, mark, el("span", { class: "what" }, name, sub), trend, el("span", { class: "now" }, value, age));
    this.node = el("li", {}, this.link);
    this.drawn = null;
  }

  update() {
    const { main, state } = this.row;
    const { mark, sub, value } = this.parts;
    const moved = mark.dataset.state !== state;
    if (moved) {
      mark.dataset.state = state;
      mark.replaceChildren(glyph(`s-${state}`, t(`state.${state}`)));
    }
    this.age();
    if (!main) return;
    patch(sub, `${t(`metric.${main.metric.metric}`)} · ${expectedWords(main.metric, main.latest?.expected)}`);
    if (!main.latest || (this.drawn === main.latest && !moved)) return;
    this.drawn = main.latest;
    const name = unit(main.metric);
    value.replaceChildren(measured(main.metric, main.latest.value), name && "\u00a0", name && el("span", { class: "unit" }, name));
    this.draw();
  }

  age() {
    const latest = this.row.main?.latest;
    patch(this.parts.age, latest ? ago(Math.max(0, now() - latest.at)) : t("age.never"));
    this.link.classList.toggle("stale", this.row.state === "silent");
  }

  draw() {
    const { main, state } = this.row;
    if (!main?.latest || !main.trend?.length) return;
    const { expected } = main.latest;
    const band = expected ? { low: expected.p05, high: expected.p95 } : null;
    this.parts.trend.replaceChildren(spark(main.trend, { gap: Math.max(3 * main.metric.step_s, 5400) * 1000, state, band }));
  }
}

customElements.define("vigie-sensors", VigieSensors);
