/** Zooming into a chart: by drawing a stretch of it, by the keyboard, by buttons; and moving along its time. */

import { now } from "./api.js";
import { el } from "./element.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;
const LEAST_MS = HOUR_MS / 4;
const MOST_MS = 5 * 366 * 24 * HOUR_MS;
// A hand that trembles draws no stretch.
const LEAST_PX = 8;
const STEP = 0.25;

export class Zoom {
  #start = null;
  #stretch = el("i", { class: "stretch", hidden: true });

  /**
   * @param {HTMLElement} host what the drawing fills; it takes the keyboard
   * @param {{shown: () => {from: number, until: number} | null, at: (px: number) => number, ahead: () => number,
   *   choose: (zoom: {from: number, until: number} | null) => void}} chart `ahead`: until when there may be something to see
   */
  constructor(host, chart) {
    this.host = host;
    this.chart = chart;
    host.append(this.#stretch);
    host.addEventListener("pointerdown", (event) => this.#begin(event));
    host.addEventListener("pointermove", (event) => this.#draw(event));
    host.addEventListener("pointerup", (event) => this.#end(event));
    host.addEventListener("pointercancel", () => this.#leave());
    host.addEventListener("dblclick", () => chart.choose(null));
    host.addEventListener("keydown", (event) => this.#key(event));
    const button = (name, words, action) => el("button", { type: "button", "aria-label": t(`chart.${name}`), title: t(`chart.${name}`), onclick: action }, words);
    this.moves = [button("back", "←", () => this.move(-1)), button("forth", "→", () => this.move(1))];
    this.whole = el("button", { type: "button", onclick: () => chart.choose(null) }, t("chart.whole"));
    this.buttons = el("span", { class: "links zooms", role: "group", "aria-label": t("chart.zoom") }, button("closer", "+", () => this.scale(0.5)), button("farther", "−", () => this.scale(2)), ...this.moves, this.whole);
    this.zoomed = false;
  }

  /** Whether a part is shown: then one can move along, and back to the whole. */
  set zoomed(zoomed) {
    for (const node of [...this.moves, this.whole]) node.hidden = !zoomed;
  }

  /** Show more or less of time, around the middle of what is shown; near the present, up to it. */
  scale(factor) {
    const shown = this.chart.shown();
    if (!shown) return;
    const span = Math.min(MOST_MS, Math.max(LEAST_MS, (shown.until - shown.from) * factor));
    const middle = (shown.from + shown.until) / 2;
    this.#choose(middle - span / 2, middle + span / 2);
  }

  /** Move along time by a quarter of what is shown. */
  move(way) {
    const shown = this.chart.shown();
    if (!shown) return;
    const step = way * STEP * (shown.until - shown.from);
    this.#choose(shown.from + step, shown.until + step);
  }

  /** Within what there may be: not beyond the forecast, and not shorter than a reader can use. */
  #choose(from, until) {
    const end = this.chart.ahead();
    const over = Math.max(0, until - end);
    const [first, last] = [from - over, until - over];
    const least = Math.max(first, now() - MOST_MS);
    this.chart.choose({ from: Math.round(least), until: Math.round(Math.max(last, least + LEAST_MS)) });
  }

  #key(event) {
    if (event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = { "+": () => this.scale(0.5), "=": () => this.scale(0.5), "-": () => this.scale(2), ArrowLeft: () => this.move(-1), ArrowRight: () => this.move(1), Home: () => this.chart.choose(null) };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  #begin(event) {
    if (event.button !== 0 || !this.chart.shown()) return;
    this.#start = { x: event.offsetX, id: event.pointerId, left: this.host.getBoundingClientRect().left };
  }

  #draw(event) {
    if (!this.#start || event.pointerId !== this.#start.id) return;
    const x = event.clientX - this.#start.left;
    if (this.#stretch.hidden && Math.abs(x - this.#start.x) < LEAST_PX) return;
    if (!this.host.hasPointerCapture(event.pointerId)) this.host.setPointerCapture(event.pointerId);
    this.#stretch.hidden = false;
    this.#stretch.style.left = `${Math.min(x, this.#start.x)}px`;
    this.#stretch.style.width = `${Math.abs(x - this.#start.x)}px`;
  }

  #end(event) {
    const start = this.#start;
    const drawn = !this.#stretch.hidden;
    this.#leave();
    if (!start || !drawn) return;
    const [from, until] = [start.x, event.clientX - start.left].sort((a, b) => a - b).map(this.chart.at);
    this.#choose(from, until);
    // What ends the drawing of a stretch is no click on an hour.
    this.drew = event.timeStamp;
  }

  #leave() {
    this.#start = null;
    this.#stretch.hidden = true;
  }
}
