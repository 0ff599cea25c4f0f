/** A question to a person: a dialog with a form, one act, and the refusal said in it. */

import { el } from "./element.js";
import { t } from "./words.js";

let asked = 0;

/**
 * Ask, and close once the act is done.
 * @param {object} question
 * @param {string} question.title
 * @param {(Node | string | null)[]} question.body fields and words between the title and the buttons
 * @param {string} question.label of the act
 * @param {(form: FormData) => Promise<unknown>} question.act what a refusal of it says stays in the dialog
 * @param {string} [question.kind] a class: "large" for a table
 * @param {boolean} [question.asks] false where there is nothing to cancel
 * @returns {HTMLDialogElement}
 */
export function ask({ title, body, label, act, kind = "", asks = true }) {
  const id = `ask-${(asked += 1)}`;
  const error = el("p", { role: "alert", class: "note alarm", hidden: true });
  const cancel = asks && el("button", { class: "btn plain", type: "button", onclick: () => dialog.close() }, t("dialog.cancel"));
  const main = el("button", { class: asks ? "btn main" : "btn", type: "submit" }, label);
  const form = el("form", { method: "dialog", onsubmit: submit }, el("h2", { id }, title), ...body, error, el("div", { class: "acts" }, cancel, main));
  const dialog = el("dialog", { class: `ask ${kind}`, "aria-labelledby": id, onclose: () => dialog.remove() }, form);
  async function submit(event) {
    event.preventDefault();
    const given = new FormData(form);
    main.disabled = true;
    error.hidden = true;
    try {
      await act(given);
      dialog.close();
    } catch (refusal) {
      error.textContent = t("dialog.refused", { why: refusal.message });
      error.hidden = false;
      error.scrollIntoView({ block: "nearest" });
    } finally {
      main.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A labelled line of a form. */
export const line = (words, control, hint = "") =>
  el("label", { class: "line" }, el("span", {}, words), control, hint ? el("span", { class: "small quiet" }, hint) : null);

export const option = (value, name, chosen = false) => el("option", { value, selected: chosen }, name);
