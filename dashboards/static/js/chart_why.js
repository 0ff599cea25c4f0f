/** The button *Pourquoi ?* under a chart, and what it opens; the script for that is read when it is first asked for. */

import { now } from "./api.js";
import { nextStep } from "./chart_words.js";
import { el } from "./element.js";
import { t } from "./words.js";

export class Why {
  /** @type {{words: string, steps: {at: number, p50: number}[]} | null} the median of another weather, to be drawn */
  line = null;
  #explanation = null;
  #forecast = null;

  /** @param {object} series @param {() => void} redraw told when there is another line to draw, or none */
  constructor(series, redraw) {
    this.series = series;
    this.redraw = redraw;
    this.button = el("button", { class: "btn", type: "button", "aria-expanded": "false", hidden: true, onclick: () => (this.box.hidden ? this.open() : this.close()) }, t("explain.open"));
    this.box = el("section", { class: "explain", "aria-labelledby": "explain-title", hidden: true });
  }

  get nodes() {
    return [this.button, this.box];
  }

  /** Take the forecast that is drawn; what is open follows a newer one. */
  take(forecast) {
    const newer = forecast?.issued_at !== this.#forecast?.issued_at;
    this.#forecast = forecast;
    this.button.hidden = !nextStep(forecast, now());
    if (this.button.hidden) this.#shut();
    else if (newer) this.#explanation?.show(forecast, this.#explanation.at);
  }

  /** Explain the step nearest to an instant; by default the one an hour from now. */
  async open(at = nextStep(this.#forecast, now())?.at) {
    if (this.button.hidden) return;
    this.box.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    const { Explanation } = await import("./explain.js");
    if (this.box.hidden) return;
    this.#explanation ??= new Explanation(this.box, this.series, { drawn: (line) => this.#draw(line), closed: () => this.close() });
    this.#explanation.show(this.#forecast, at);
  }

  close() {
    this.#shut();
    this.button.focus();
  }

  #shut() {
    this.box.hidden = true;
    this.box.replaceChildren();
    this.button.setAttribute("aria-expanded", "false");
    this.#explanation = null;
    this.#draw(null);
  }

  #draw(line) {
    if (this.line === line) return;
    this.line = line;
    this.redraw();
  }
}
