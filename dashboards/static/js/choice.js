/** A row of buttons of which one is pressed; they stay the same nodes, so that the keyboard keeps its place. */

import { el } from "./element.js";

/**
 * @param {HTMLElement} box filled at the first call, only marked at later ones
 * @param {[string, string][]} options value and words of each
 * @param {string} chosen
 * @param {(value: string) => void} choose told of the value that a person presses
 */
export function choices(box, options, chosen, choose) {
  if (!box.childElementCount) {
    const press = (value) => {
      mark(box, value);
      choose(value);
    };
    box.append(...options.map(([value, words]) => el("button", { type: "button", "data-value": value, onclick: () => press(value) }, words)));
  }
  mark(box, chosen);
}

function mark(box, chosen) {
  for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
}
