/** *Pourquoi ?*: what pushes a forecast up or down at one of its steps, in a sentence and as bars; and what if it were colder. */

import { now, read } from "./api.js";
import { contributions } from "./contributions.js";
import { el, patch } from "./element.js";
import { moment, whole } from "./formats.js";
import { WhatIf } from "./what_if.js";
import { language, t } from "./words.js";

const PAUSE_MS = 200;

export class Explanation {
  #asked = 0;
  #timer = 0;

  /**
   * @param {HTMLElement} box where it is shown
   * @param {{series_id: number, metric: object}} series
   * @param {{drawn: (line: object | null) => void, closed: () => void}} told of the line to draw, and that it was closed
   */
  constructor(box, series, { drawn, closed }) {
    this.box = box;
    this.series = series;
    this.when = el("output", { class: "strong" });
    this.slider = el("input", { type: "range", min: 0, step: 1, "aria-label": t("explain.step"), oninput: () => this.#choose(Number(this.slider.value)) });
    this.found = el("div", { "aria-live": "polite" }, el("span", { class: "skeleton w12" }, "\u00a0"));
    this.whatIf = new WhatIf(series, drawn);
    const close = el("button", { type: "button", onclick: closed }, t("explain.close"));
    box.replaceChildren(el("header", {}, el("h3", { id: "explain-title" }, t("explain.title")), el("p", { class: "links" }, el("a", { href: `/modeles?${new URLSearchParams({ metric: series.metric.metric })}` }, t("explain.model")), close)), el("label", { class: "when" }, this.when, this.slider), this.found, this.whatIf.node);
  }

  /** Take the newest forecast; the step stays the one nearest to that instant. */
  show(forecast, at) {
    this.forecast = forecast;
    this.slider.max = forecast.steps.length - 1;
    this.whatIf.node.hidden = Boolean(forecast.fallback) || (forecast.doubts ?? []).includes("no_weather");
    const distance = ({ at: one }) => Math.abs(one - at);
    this.#choose(forecast.steps.reduce((best, step, place) => (distance(step) < distance(forecast.steps[best]) ? place : best), 0), 0);
  }

  #choose(place, pause = PAUSE_MS) {
    const step = this.forecast.steps[place];
    this.slider.value = place;
    this.at = step.at;
    const words = `${moment(step.at, now())}, ${whole(this.series.metric, step.p50)}`;
    patch(this.when, words);
    this.slider.setAttribute("aria-valuetext", words);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(step), pause);
  }

  /** The newest question has the last word. */
  async #ask(step) {
    const turn = (this.#asked += 1);
    let nodes;
    try {
      nodes = this.#told(await read(`/series/${this.series.series_id}/forecast/explanation`, { valid_at: step.valid_at, language }));
    } catch (error) {
      nodes = [el("p", { class: "note watch", role: "alert" }, t("explain.failed", { why: error.message }))];
    }
    if (turn === this.#asked) this.found.replaceChildren(...nodes);
  }

  #told(told) {
    return [el("p", { class: "says" }, told.sentence), ...contributions(told, this.series.metric)];
  }
}
