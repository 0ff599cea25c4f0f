/** `<vigie-sensors>`: the live list, by site; only rows that a reading touched are written again. */

import { now } from "./api.js";
import { el, glyph, patch } from "./element.js";
import { expectedWords } from "./expected.js";
import { ago, measured, unit } from "./formats.js";
import { STATES } from "./picture.js";
import { spark } from "./spark.js";
import { get } from "./url.js";
import { t } from "./words.js";

// On a phone a long list would bury the chart.
const FIRST_ON_PHONE = 6;
const phone = matchMedia("(max-width: 47.99rem)");
const severity = (row) => STATES.indexOf(row.state);
const byName = new Intl.Collator("fr", { numeric: true, sensitivity: "base" }).compare;
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

class VigieSensors extends HTMLElement {
  #views = new Map();
  #picture = null;
  #filter = { state: "all", kind: "", search: "" };
  #open = false;
  #selected = 0;

  /** Show a commune's sensors. */
  show(picture) {
    this.#picture = picture;
    this.#views.clear();
    this.setAttribute("aria-busy", "false");
    this.arrange();
  }

  /** @param {{state?: string, kind?: string, search?: string}} filter */
  narrow(filter) {
    Object.assign(this.#filter, filter);
    this.arrange();
  }

  /** Mark the row whose chart is shown. */
  select(row) {
    this.#views.get(this.#selected)?.link.removeAttribute("aria-current");
    this.#selected = row.sensor.sensor_id;
    this.#views.get(this.#selected)?.link.setAttribute("aria-current", "true");
  }

  /** The rows shown, the worst first. */
  get rows() {
    const search = plain(this.#filter.search);
    return [...this.#picture.rows.values()].filter(
      (row) =>
        (this.#filter.state === "all" || row.state === this.#filter.state) &&
        (!this.#filter.kind || row.sensor.kind === this.#filter.kind) &&
        (!search || plain(`${row.sensor.site.name} ${row.sensor.name} ${row.sensor.external_id}`).includes(search)),
    );
  }

  /** Whether a person is at work in the list: it then keeps its order. */
  get busy() {
    return this.matches(":hover, :focus-within");
  }

  /** Lay the rows out again: sites with trouble first. */
  arrange() {
    const sites = Map.groupBy(this.rows, (row) => row.sensor.site.site_id);
    const groups = [...sites.values()].map((rows) =>
      rows.sort((a, b) => severity(a) - severity(b) || byName(a.sensor.name, b.sensor.name)),
    );
    groups.sort((a, b) => severity(a[0]) - severity(b[0]) || byName(a[0].sensor.site.name, b[0].sensor.site.name));
    const shown = this.rows.length;
    const limit = phone.matches && !this.#open ? FIRST_ON_PHONE : Infinity;
    this.replaceChildren(...(shown ? this.#sites(groups, limit) : [this.#none()]));
    if (shown > limit) this.append(this.#more(shown - limit));
    patch(document.querySelector("[data-shown]"), shown ? t("list.shown", { n: shown }) : "");
  }

  /** Write again the rows that changed. */
  touch(rows) {
    for (const row of rows) this.#views.get(row.sensor.sensor_id)?.update();
  }

  /** Let every age grow. */
  tick() {
    for (const view of this.#views.values()) if (view.link.isConnected) view.age();
  }

  #sites(groups, limit) {
    let left = limit;
    const drawn = [];
    for (const rows of groups) {
      if (left <= 0) break;
      const part = rows.slice(0, left);
      left -= part.length;
      const name = rows[0].sensor.site.name;
      drawn.push(el("section", { class: "site" }, el("h3", {}, name), el("ul", {}, ...part.map((row) => el("li", {}, this.#view(row).link)))));
    }
    return drawn;
  }

  #view(row) {
    const id = row.sensor.sensor_id;
    if (!this.#views.has(id)) this.#views.set(id, new RowView(row, (event) => this.#choose(event, row)));
    const view = this.#views.get(id);
    view.update();
    if (id === this.#selected) view.link.setAttribute("aria-current", "true");
    return view;
  }

  #choose(event, row) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.dispatchEvent(new CustomEvent("vigie:chosen", { bubbles: true, detail: row }));
  }

  #none() {
    const clear = () => this.dispatchEvent(new CustomEvent("vigie:cleared", { bubbles: true }));
    return el("p", { class: "lede none" }, t("list.none_match"), " ", el("button", { class: "btn", type: "button", onclick: clear }, t("list.clear")));
  }

  #more(n) {
    const open = () => {
      this.#open = true;
      this.arrange();
    };
    return el("p", { class: "none" }, el("button", { class: "btn", type: "button", onclick: open }, t("list.more", { n })));
  }
}

/** One row; it holds its own nodes and writes only what changed. */
class RowView {
  constructor(row, choose) {
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
    const query = new URLSearchParams({ commune: get("commune"), series: row.main?.series_id ?? "" });
    this.link = el("a", { class: "row", href: `?${query}`, onclick: choose }, mark, el("span", { class: "what" }, name, sub), trend, el("span", { class: "now" }, value, age));
    this.drawn = null;
  }

  update() {
    const { main, state } = this.row;
    const { mark, sub, value } = this.parts;
    if (mark.dataset.state !== state) {
      mark.dataset.state = state;
      mark.replaceChildren(glyph(`s-${state}`, t(`state.${state}`)));
    }
    this.age();
    if (!main) return;
    patch(sub, `${t(`metric.${main.metric.metric}`)} · ${expectedWords(main.metric, main.latest?.expected)}`);
    if (!main.latest || this.drawn === main.latest) return;
    this.drawn = main.latest;
    const name = unit(main.metric);
    value.replaceChildren(measured(main.metric, main.latest.value), name && "\u00a0", name && el("span", { class: "unit" }, name));
    this.#draw(main, state);
  }

  age() {
    const latest = this.row.main?.latest;
    patch(this.parts.age, latest ? ago(Math.max(0, now() - latest.at)) : t("age.never"));
    this.link.classList.toggle("stale", this.row.state === "silent");
  }

  #draw(main, state) {
    const { expected } = main.latest;
    const band = expected ? { low: expected.p05, high: expected.p95 } : null;
    this.parts.trend.replaceChildren(spark(main.trend, { gap: Math.max(3 * main.metric.step_s, 5400) * 1000, state, band }));
  }
}

customElements.define("vigie-sensors", VigieSensors);
