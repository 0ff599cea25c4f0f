/** Tables: heads from words, rows that open, long ones cut with a button for the rest. */

import { el } from "./element.js";
import { number } from "./formats.js";
import { t } from "./words.js";

/**
 * @param {string} caption read out, not shown
 * @param {[string, string?][]} heads words of each column and its class; "" is a column without a head
 * @param {HTMLTableRowElement[]} rows
 * @param {{ cut?: number }} [look] rows shown at first
 * @returns {HTMLElement} the table, with the button for the rest where it is cut
 */
export function table(caption, heads, rows, { cut = Infinity } = {}) {
  const head = ([words, kind]) => el(words ? "th" : "td", { scope: words ? "col" : null, class: kind || null }, words);
  const body = el("tbody", {}, ...rows.slice(0, cut));
  const drawn = el("table", {}, el("caption", { class: "vh" }, caption), el("thead", {}, el("tr", {}, ...heads.map(head))), body);
  if (rows.length <= cut) return drawn;
  const rest = el("p", { class: "links more" }, el("button", { type: "button", onclick: open }, t("table.rest", { n: number(rows.length - cut) }, rows.length - cut)));
  function open() {
    body.append(...rows.slice(cut));
    rest.remove();
    body.rows[cut]?.querySelector("button, a")?.focus();
  }
  return el("div", {}, drawn, rest);
}

/**
 * A row whose name is a button that opens what lies under it; where the name leads to a page, the button stands before it.
 * @param {(Node | string)[]} name
 * @param {HTMLTableCellElement[]} cells
 * @param {() => Promise<Node[]> | Node[]} fill gives what lies under it, asked at each opening
 * @param {{href?: string, label?: string}} [lead] the page of what is named, and its name alone
 */
export function openingRow(name, cells, fill, { href = "", label = "" } = {}) {
  const words = href ? { "aria-label": t("table.under", { name: label }) } : {};
  const button = el("button", { class: "open", type: "button", "aria-expanded": "false", onclick: toggle, ...words }, ...(href ? [] : name));
  const head = href ? el("div", { class: "opening" }, button, el("a", { href }, ...name)) : button;
  const row = el("tr", {}, el("th", { scope: "row" }, head), ...cells);
  let under = null;
  async function toggle() {
    button.setAttribute("aria-expanded", String(!under));
    if (under) {
      under.remove();
      under = null;
      return;
    }
    const cell = el("td", { colspan: row.cells.length }, el("span", { class: "skeleton w12" }, "\u00a0"));
    under = el("tr", { class: "beneath" }, cell);
    row.after(under);
    try {
      cell.replaceChildren(...(await fill()));
    } catch (error) {
      cell.replaceChildren(el("p", { class: "note alarm", role: "alert" }, t("data.failed", { why: error.message })));
    }
  }
  return row;
}

/** A number in its cell; 0 steps back, so that what counts is seen. */
export const figureCell = (value, kind = "num") => el("td", { class: value ? kind : `${kind} quiet` }, number(value));
