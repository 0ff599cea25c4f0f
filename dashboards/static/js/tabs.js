/** Views of one page behind its row of figures: one is shown, the address says which. */

import { el, patch } from "./element.js";
import { get, put } from "./url.js";

/**
 * Make a tab list work: click, arrows, Home and End.
 * @param {HTMLElement} list its tabs name their panels in `aria-controls`; the first is shown when the address names none
 * @param {(view: string) => void} opened told of each view that is opened later
 */
export function tabs(list, opened) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const named = (view) => all.find((tab) => tab.getAttribute("aria-controls") === view) ?? all[0];
  function show(tab) {
    for (const one of all) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
  }
  function choose(tab) {
    const view = tab.getAttribute("aria-controls");
    put({ view: tab === all[0] ? "" : view }, { step: true });
    show(tab);
    opened(view);
  }
  list.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab && tab.getAttribute("aria-selected") !== "true") choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const tab = all[(to + all.length) % all.length];
    tab.focus();
    choose(tab);
  });
  addEventListener("popstate", () => show(named(get("view"))));
  show(named(get("view")));
}

/** Write a tab's figure: its value, what it is measured against, and a state's glyph where it needs a look. */
export function figure(view, { value, unit = "", under = "", mark = null }) {
  const tab = document.querySelector(`[aria-controls="${view}"]`);
  tab.querySelector(".v").replaceChildren(value, unit ? "\u00a0" : "", unit ? el("span", { class: "unit" }, unit) : "");
  patch(tab.querySelector(".d"), under);
  const slot = tab.querySelector("[data-mark]");
  slot.replaceChildren(...(mark ? [mark] : []));
}
