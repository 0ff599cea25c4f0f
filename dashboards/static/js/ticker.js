/** `<vigie-ticker>`: the last ten readings received; can be paused, announced politely. */

import { now } from "./api.js";
import { el, glyph } from "./element.js";
import { remark } from "./expected.js";
import { clock, measured, moment, unit } from "./formats.js";
import { t } from "./words.js";

const KEPT = 10;
const MINUTE_MS = 60_000;
// A wall of announcements helps nobody: the table is written at most once a second.
const PACE_MS = 1000;

class VigieTicker extends HTMLElement {
  #lines = [];
  #counts = [];
  #paused = false;
  #timer = 0;
  #started = now();

  /** Begin with the newest readings that are known: a small town says nothing for minutes. */
  begin(picture) {
    if (!picture || this.#lines.length) return;
    const heard = [...picture.series.values()].filter(({ latest }) => latest && latest.at <= now());
    const newest = heard.sort((one, other) => other.latest.at - one.latest.at).slice(0, KEPT);
    this.#lines = newest.map((series) => ({ item: { ...series.latest, observed_at: new Date(series.latest.at).toISOString() }, series }));
    this.#write();
  }

  /** Take what the live feed brought. */
  take(picture, arrivals, count) {
    this.#counts.push([now(), count]);
    const lines = arrivals.map((item) => ({ item, series: picture?.series.get(item.series_id) })).filter(({ series }) => series);
    this.#lines = [...lines.reverse(), ...this.#lines].slice(0, KEPT);
    if (!this.#paused) this.#timer ||= setTimeout(() => this.#write(), PACE_MS);
  }

  /** Stop or go on; return whether it is paused. */
  toggle() {
    this.#paused = !this.#paused;
    if (!this.#paused) this.#write();
    return this.#paused;
  }

  /** Readings per minute, null before a minute was seen. */
  get rate() {
    const from = now() - MINUTE_MS;
    this.#counts = this.#counts.filter(([at]) => at >= from);
    return this.#started > from ? null : this.#counts.reduce((sum, [, count]) => sum + count, 0);
  }

  #write() {
    this.#timer = 0;
    if (!this.#lines.length) return;
    if (!this.querySelector("tbody")) this.replaceChildren(frame());
    this.querySelector("tbody").replaceChildren(...this.#lines.map(({ item, series }) => line(item, series)));
  }
}

function frame() {
  const heads = ["time", "state", "sensor", "metric", "value", "remark"];
  return el(
    "table",
    { class: "tick" },
    el("caption", { class: "vh" }, t("ticker.caption")),
    el("thead", { class: "vh" }, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, t(`ticker.${head}`))))),
    el("tbody", { "aria-live": "polite", "aria-relevant": "additions" }),
  );
}

function line(item, series) {
  const { metric, row, latest } = series;
  const at = Date.parse(item.observed_at);
  const seen = { ...item, expected: latest?.at === at ? latest.expected : null };
  const note = remark(seen);
  const state = item.quality ? "suspect" : note ? "watch" : "normal";
  const name = unit(metric);
  return el(
    "tr",
    {},
    el("td", {}, el("time", { datetime: item.observed_at }, moment(at, now(), clock))),
    el("td", {}, glyph(`s-${state}`, t(`state.${state}`))),
    el("td", { class: "who" }, row.sensor.site.name, ", ", row.sensor.name),
    el("td", { class: "quiet wide" }, t(`metric.${metric.metric}`)),
    el("td", { class: "num" }, el("b", {}, measured(metric, item.value)), name && " ", name && el("span", { class: "unit" }, name)),
    el("td", { class: "quiet wide" }, note),
  );
}

customElements.define("vigie-ticker", VigieTicker);
