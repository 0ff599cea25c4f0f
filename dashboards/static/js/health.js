/** The view of the platform's own health: a sentence for each thing, the gravest first, and what to do about it. */

import { now, read } from "./api.js";
import { el, glyph } from "./element.js";
import { minute } from "./formats.js";
import { table } from "./table.js";
import { language, t } from "./words.js";

const MARKS = { good: "s-done", watch: "s-watch", alarm: "s-alarm" };
const $ = (selector) => document.querySelector(selector);

/** Read and draw the view; return how many findings there are of each level. */
export async function showHealth() {
  const { items } = await read("/health/explained", { language });
  $("[data-health]").replaceChildren(findingTable(items));
  $("[data-health-at]").textContent = t("health.page.as_of", { at: minute(now()) });
  return Map.groupBy(items, ({ level }) => level);
}

function findingTable(items) {
  const heads = [[t("health.page.what")], [t("health.page.how")], [t("health.page.next")]];
  const rows = items.map(({ key, level, title, detail, next }) =>
    el(
      "tr",
      { class: level, "data-key": key },
      el("th", { scope: "row" }, el("span", { class: "state" }, glyph(MARKS[level], t(`health.page.level_${level}`)), title)),
      el("td", { class: "wrap", colspan: next ? null : 2 }, detail),
      next ? el("td", { class: "wrap" }, next) : null,
    ),
  );
  return table(t("data.view_health"), heads, rows);
}
