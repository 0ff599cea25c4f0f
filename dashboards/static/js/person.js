/** Who acts: the name that a person gives, kept by the browser for the next time. */

import { el } from "./element.js";
import { t } from "./words.js";

const NAME = "vigie.name";

/** The name given last, "" when none was or the browser keeps nothing. */
export function remembered() {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

export function remember(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // A browser that keeps nothing asks again.
  }
}

/** The field for the name; no act goes without. */
export const whoInput = (attributes = {}) =>
  el("input", { name: "by", required: true, maxlength: 120, autocomplete: "name", value: remembered(), ...attributes });

/** The same as a line of a form. */
export const whoLine = () => el("label", { class: "line" }, el("span", {}, t("decision.common.who")), whoInput());
