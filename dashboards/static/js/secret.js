/** A secret that is shown once: to be copied now, for nobody can read it again. */

import { ask, line } from "./dialog.js";
import { el, patch } from "./element.js";
import { t } from "./words.js";

/**
 * @param {object} secret
 * @param {string} secret.title
 * @param {string} secret.lede what it is good for, until when
 * @param {string} secret.label of the field
 * @param {string} secret.value
 */
export function showSecret({ title, lede, label, value }) {
  const field = el("input", { value, readonly: true, spellcheck: "false", class: "secret", onfocus: ({ target }) => target.select() });
  const said = el("span", { class: "small quiet", role: "status" });
  const copy = async () => {
    field.select();
    // Where the browser keeps the clipboard shut, what is selected is copied by hand.
    const done = await navigator.clipboard?.writeText(value).then(() => true, () => false);
    patch(said, t(done ? "access.copied" : "access.selected"));
  };
  const dialog = ask({
    title,
    body: [el("p", { class: "lede" }, lede), line(label, field), el("p", { class: "acts copy" }, el("button", { class: "btn main", type: "button", onclick: copy }, t("access.copy")), said)],
    label: t("dialog.close"),
    act: () => Promise.resolve(),
    asks: false,
  });
  field.focus();
  return dialog;
}
