/** "What if it were 5 degrees colder": a slider, a sentence, and a second median in the chart. */

import { read } from "./api.js";
import { el, patch } from "./element.js";
import { number } from "./formats.js";
import { language, t } from "./words.js";

const MOST_C = 10;
const PAUSE_MS = 300;

export class WhatIf {
  #asked = 0;
  #timer = 0;

  /** @param {{series_id: number}} series @param {(line: object | null) => void} drawn told of the second median, null for none */
  constructor({ series_id: id }, drawn) {
    this.id = id;
    this.drawn = drawn;
    this.words = el("output", { class: "strong" }, t("explain.as_it_is"));
    this.slider = el("input", { type: "range", min: -MOST_C, max: MOST_C, step: 1, value: 0, "aria-label": t("explain.colder"), "aria-valuetext": t("explain.as_it_is"), oninput: () => this.#choose() });
    this.said = el("p", { class: "small", "aria-live": "polite" });
    this.node = el("div", { class: "what-if" }, el("label", { class: "when" }, el("span", {}, t("explain.colder"), " ", this.words), this.slider), this.said);
  }

  #choose() {
    const warmer = Number(this.slider.value);
    const words = warmer ? t(warmer < 0 ? "explain.colder_by" : "explain.warmer_by", { n: number(Math.abs(warmer)) }, Math.abs(warmer)) : t("explain.as_it_is");
    patch(this.words, words);
    this.slider.setAttribute("aria-valuetext", words);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(-warmer, words), PAUSE_MS);
  }

  /** The newest question has the last word. */
  async #ask(colder, words) {
    const turn = (this.#asked += 1);
    let [line, said] = [null, ""];
    try {
      if (colder) {
        const { steps, sentence } = await read(`/series/${this.id}/forecast/what-if`, { colder_c: colder, language });
        line = { words: t("explain.what_if_line", { words }), steps: steps.map(({ valid_at: at, p50 }) => ({ at: Date.parse(at), p50 })) };
        said = sentence;
      }
    } catch (error) {
      // Where the model knows no weather, no other question of this kind has an answer either.
      if (error.status === 409 || error.status === 422) this.slider.disabled = true;
      said = t("explain.no_what_if", { why: error.message });
    }
    if (turn !== this.#asked) return;
    patch(this.said, said);
    this.drawn(line);
  }
}
