/** What people did with a sensor, the newest first. */

import { now, read } from "./api.js";
import { el } from "./element.js";
import { minute, moment, number } from "./formats.js";
import { knows, t } from "./words.js";

/** The history of one sensor. */
export async function historyOf({ sensor_id: id }) {
  const { items } = await read(`/sensors/${id}/changes`);
  if (!items.length) return el("p", { class: "lede none" }, t("sensor.no_change"));
  return el("ol", { class: "journal" }, ...items.map(change));
}

function change({ at, what, by, before, after }) {
  // An adoption says everything of the sensor: the row above does already.
  const words = what === "adopted" ? "" : changedWords(before, after);
  return el(
    "li",
    {},
    el("time", { datetime: at }, moment(Date.parse(at), now(), minute)),
    el("div", {}, el("strong", {}, t(`sensor.did_${what}`)), " ", el("span", { class: "quiet" }, t("sensor.by", { by })), words ? el("p", {}, words) : null),
  );
}

/** Which values went from what to what, of those that have a word. */
export function changedWords(before, after) {
  return Object.keys(after)
    .filter((name) => knows(`sensor.field_${name}`))
    .map((name) => (name in before ? t("sensor.went", { field: t(`sensor.field_${name}`), before: shown(name, before[name]), after: shown(name, after[name]) }) : t("sensor.is", { field: t(`sensor.field_${name}`), after: shown(name, after[name]) })))
    .join(" · ");
}

function shown(name, value) {
  if (value === null || value === undefined || value === "") return t("sensor.nothing");
  if (name.endsWith("_at") || name === "valid_from") return moment(Date.parse(value), now(), minute);
  if (name === "kind") return t(`kind_one.${value}`);
  if (name === "metric") return t(`metric.${value}`);
  return typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 2) : String(value);
}
