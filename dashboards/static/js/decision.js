/**
 * Decisions on a page: `readDecisions`, `phraseText`, and two elements.
 *
 * `<vigie-decide>` is the bar at the bottom: what is proposed, until when, what happens without an answer, refuse with
 * a note, approve. `<vigie-why>` says why, from what, at what cost otherwise. Both take the property `decision`.
 * The bar dispatches `vigie:answered` (the decision as the server now has it) and, from *Pourquoi ?*, opens the first
 * `<vigie-why>` of the page.
 */

import { now, read, send } from "./api.js";
import { answerLine, headOf, isOpen } from "./decision_state.js";
import { whyParts } from "./decision_why.js";
import { phraseText } from "./decision_words.js";
import { el, glyph, patch } from "./element.js";
import { mayIn, needs } from "./rights.js";
import { t } from "./words.js";

export { figureText, phraseText, valueText } from "./decision_words.js";

/** The newest decision of each subject of a commune, the newest first. */
export async function readDecisions(kind, commune) {
  const { items } = await read("/decisions", { kind, commune, newest: true, limit: 100 });
  return items;
}

class VigieDecide extends HTMLElement {
  #decision = null;
  #wasOpen = null;
  #refusing = false;
  #sending = false;

  set decision(decision) {
    const other = this.#decision?.decision_id !== decision?.decision_id;
    const open = Boolean(decision) && isOpen(decision, now());
    // A person who writes a note is not interrupted by news of the same decision.
    if (!other && this.#decision?.state === decision?.state && open === this.#wasOpen) return;
    if (other) this.#refusing = false;
    this.#decision = decision;
    this.#wasOpen = open;
    this.#build();
  }

  get decision() {
    return this.#decision;
  }

  #build() {
    const decision = this.#decision;
    this.said ??= el("p", { class: "vh", role: "status", "aria-live": "polite" });
    this.hidden = !decision;
    if (!decision) return;
    this.error = el("p", { class: "note alarm", role: "alert", hidden: true });
    const bar = el(
      "div",
      { class: "decide", role: "region", "aria-label": t("decision.common.title") },
      this.#what(decision),
      this.#whyButton(),
      ...(isOpen(decision, now()) ? this.#acts(decision) : []),
      this.#refusing ? this.#form() : null,
      this.error,
    );
    this.replaceChildren(bar, this.said);
  }

  #what(decision) {
    const [head, line] = headOf(decision, now());
    return el(
      "p",
      { class: "what" },
      el("strong", {}, head),
      el("span", {}, line),
      decision.simulated ? el("span", { class: "simulated" }, t("decision.common.simulated")) : null,
    );
  }

  #whyButton() {
    const why = document.querySelector("vigie-why");
    if (!why) return null;
    const button = el(
      "button",
      { class: "btn plain", type: "button", "aria-expanded": String(!why.hidden), "data-why": true },
      t("decision.common.why"),
    );
    button.addEventListener("click", () => {
      why.hidden = !why.hidden;
      button.setAttribute("aria-expanded", String(!why.hidden));
      if (!why.hidden) why.show();
    });
    return button;
  }

  #acts(decision) {
    if (this.#refusing) return [];
    const approve = el("button", { class: "btn main", type: "button", "data-approve": true, onclick: () => this.#approve() }, t("decision.common.approve"));
    const refuse = el("button", { class: "btn", type: "button", "data-refuse": true, onclick: () => this.#open(true) }, t("decision.common.refuse"));
    if (decision.soundness === "impossible") return [];
    const right = `decide_${decision.kind}`;
    return mayIn(right, decision.commune_insee) ? [refuse, approve] : [needs(right)];
  }

  #form() {
    this.note = el("textarea", { name: "note", rows: 2, required: true, maxlength: 2000, placeholder: t("decision.common.note_hint") });
    const cancel = el("button", { class: "btn plain", type: "button", onclick: () => this.#open(false) }, t("decision.common.cancel"));
    return el(
      "form",
      { class: "refuse", onsubmit: (event) => this.#refuse(event), onkeydown: (event) => event.key === "Escape" && this.#open(false) },
      el("label", {}, el("span", {}, t("decision.common.note")), this.note),
      el("div", { class: "acts" }, cancel, el("button", { class: "btn main", type: "submit" }, t("decision.common.send_refusal"))),
    );
  }

  #open(refusing) {
    this.#refusing = refusing;
    this.#build();
    (refusing ? this.note : this.querySelector("[data-refuse]"))?.focus();
  }

  #approve() {
    this.#answer({ state: "approved", note: "" });
  }

  #refuse(event) {
    event.preventDefault();
    this.#answer({ state: "refused", note: this.note.value.trim() });
  }

  /** Send the answer; the page changes only when the server has it. */
  async #answer(answer) {
    if (this.#sending) return;
    this.#sending = true;
    this.#hold(true);
    patch(this.said, t("decision.common.sending"));
    try {
      const kept = await send(`/decisions/${this.#decision.decision_id}/answers`, answer);
      this.#refusing = false;
      this.decision = kept;
      patch(this.said, t("decision.common.answered"));
      this.dispatchEvent(new CustomEvent("vigie:answered", { bubbles: true, detail: kept }));
    } catch (error) {
      this.error.textContent = t("decision.common.failed", { why: error.message });
      this.error.hidden = false;
      patch(this.said, "");
    } finally {
      this.#sending = false;
      this.#hold(false);
    }
  }

  #hold(held) {
    this.setAttribute("aria-busy", String(held));
    for (const button of this.querySelectorAll("[data-approve], [data-refuse], form .btn")) button.disabled = held;
  }
}

class VigieWhy extends HTMLElement {
  #decision = null;

  connectedCallback() {
    this.tabIndex = -1;
  }

  set decision(decision) {
    const same = this.#decision?.decision_id === decision?.decision_id && this.#decision?.state === decision?.state;
    this.#decision = decision;
    if (!decision) this.replaceChildren();
    else if (!same) this.#build(decision);
  }

  get decision() {
    return this.#decision;
  }

  /** Bring it before the reader. */
  show() {
    this.scrollIntoView({ block: "start" });
    this.focus({ preventScroll: true });
  }

  #build(decision) {
    this.replaceChildren(...whyParts(decision), this.#life(decision));
  }

  #life(decision) {
    const line = (answer) => {
      const [at, text] = answerLine(answer);
      return el("li", {}, el("time", { datetime: answer.at }, at), el("div", {}, el("strong", {}, text), answer.note ? el("p", {}, t("decision.common.said", { note: answer.note })) : null));
    };
    if (!decision.answers.length) return "";
    return el(
      "section",
      { class: "sec" },
      el("header", {}, el("h2", {}, t("decision.common.life"))),
      el("ol", { class: "journal" }, ...decision.answers.map(line)),
    );
  }
}

/** One sentence with the mark of how sound it is; for lists of several subjects. */
export function headline(decision) {
  const mark = { sound: "s-normal", degraded: "s-watch", impossible: "s-silent" }[decision.soundness];
  return el("span", { class: "state wrap" }, glyph(mark), phraseText(decision.headline, decision.kind));
}

customElements.define("vigie-decide", VigieDecide);
customElements.define("vigie-why", VigieWhy);
