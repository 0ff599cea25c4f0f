/** À côté: what sensors of the same kind measure nearby: a room that differs from its neighbours, or a quarter that changes. */

import { now, read } from "./api.js";
import { el, glyph } from "./element.js";
import { ago, measured, number, unit } from "./formats.js";
import { table } from "./table.js";
import { t } from "./words.js";

const RADIUS_M = 500;
const CUT = 6;

/** List the neighbours; false where there is none. */
export async function showNeighbours({ box, links }, { sensor, metrics, series }) {
  const { items } = await read(`/sensors/${sensor.sensor_id}/neighbours`, { radius_m: RADIUS_M });
  if (!items.length) return false;
  links.replaceChildren(el("span", { class: "quiet" }, t("sensor_page.within_m", { n: number(RADIUS_M) })));
  const heads = [[t("sensor_page.neighbour")], [t("sensor_page.distance"), "num wide"], [t("sensor_page.now"), "num"]];
  box.replaceChildren(table(t("sensor_page.title_neighbours"), heads, items.map((one) => row(one, metrics, series?.metric.metric)), { cut: CUT }));
  return undefined;
}

/** A neighbour with what it says of the metric that is shown, else of the first that both measure. */
function row(one, metrics, shown) {
  const found = one.values.find(({ metric: name }) => name === shown) ?? one.values[0];
  const metric = metrics.get(found?.metric);
  const name = metric && unit(metric);
  const value = metric ? [measured(metric, found.value), name && "\u00a0", name && el("span", { class: "unit" }, name)].filter(Boolean) : ["–"];
  const age = found ? ago(Math.max(0, now() - Date.parse(found.observed_at))) : t("age.never");
  const state = found?.state ?? "silent";
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("span", { class: "near" }, glyph(`s-${state}`, t(`state.${state}`)), el("span", { class: "who" }, el("a", { href: `/capteur?${new URLSearchParams({ sensor: one.sensor_id })}` }, one.name), one.site.name === one.name ? null : el("span", { class: "quiet" }, one.site.name)))),
    el("td", { class: "num wide" }, one.distance_m < 1 ? t("sensor_page.same_place") : `${number(one.distance_m)}\u00a0m`),
    el("td", { class: "num" }, el("span", { class: "who" }, el("span", {}, ...value), el("span", { class: "quiet" }, age))),
  );
}
