/** Occupancy, hour by day: a table of cells, coloured by share, hatched where fewer than five stays stand behind. */

import { el } from "./element.js";
import { number, percent } from "./formats.js";
import { hourOf, offsetMs } from "./paris.js";
import { t } from "./words.js";

const [FIRST_HOUR, LAST_HOUR] = [6, 20];
const LEVELS = [0.1, 0.3, 0.5, 0.7, 0.85];
const HOURS = Array.from({ length: LAST_HOUR - FIRST_HOUR + 1 }, (_, place) => FIRST_HOUR + place);

const level = (share) => LEVELS.filter((edge) => share >= edge).length;

/**
 * The table and its scale.
 * @param {{occupied_ratio: (number | null)[]}} heat 168 cells from Monday 00:00
 * @param {{days: number, at: number}} about days of history, and the instant whose cell is outlined
 */
export function heatTable(heat, { days, at }) {
  const weekday = (new Date(at + offsetMs(at)).getUTCDay() + 6) % 7;
  const current = weekday * 24 + hourOf(at);
  const [names, short] = [t("livraisons.days").split(" "), t("livraisons.days_short").split(" ")];
  const cell = (place) => {
    const share = heat.occupied_ratio[place];
    const mark = place === current ? " cur" : "";
    return share === null
      ? el("td", { class: `few${mark}` }, el("span", { class: "vh" }, t("livraisons.not_published")))
      : el("td", { class: `q${level(share)}${mark}` }, number(share * 100));
  };
  const row = (day) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "wide" }, names[day]), el("abbr", { class: "narrow", title: names[day] }, short[day])),
      ...HOURS.map((hour) => cell(day * 24 + hour)),
    );
  const head = el("tr", {}, el("td"), ...HOURS.map((hour) => el("th", { scope: "col" }, t("livraisons.hour", { n: hour }))));
  const table = el(
    "table",
    { class: "heat" },
    el("caption", {}, t("livraisons.heat_caption", { n: days })),
    el("thead", {}, head),
    el("tbody", {}, ...names.map((_, day) => row(day))),
  );
  return [table, scale()];
}

function scale() {
  const edges = LEVELS.map((edge) => edge * 100);
  const between = edges.slice(1).map((high, place) => t("livraisons.between", { low: number(edges[place]), high: number(high) }));
  const names = [t("livraisons.under_10"), ...between, `> ${percent(LEVELS.at(-1))}`];
  const item = (kind, name) => el("li", {}, el("i", { class: kind }), name);
  return el("ul", { class: "legend scale" }, ...names.map((name, place) => item(`q${place}`, name)), item("few", t("livraisons.not_published")));
}
