/** What arrived, minute by minute and by sensor kind. */

import { now } from "./api.js";
import { ago, number } from "./formats.js";
import { el, glyph } from "./element.js";
import { spark } from "./spark.js";
import { STATES } from "./picture.js";
import { table } from "./table.js";
import { t } from "./words.js";

const MINUTE_MS = 60_000;

/** Readings per step from `minutes` ago until now, idle steps as 0: nothing arrived is what is known of them. */
export function perStep(items, minutes, stepMinutes) {
  const end = Math.floor(now() / MINUTE_MS) * MINUTE_MS;
  const step = stepMinutes * MINUTE_MS;
  const start = end - minutes * MINUTE_MS;
  const points = Array.from({ length: Math.ceil(minutes / stepMinutes) }, (_, place) => [start + place * step, 0]);
  for (const { minute, stored } of items) {
    const place = Math.floor((Date.parse(minute) - start) / step);
    if (points[place]) points[place][1] += stored;
  }
  return points;
}

export const total = (items) => items.reduce((sum, { stored }) => sum + stored, 0);

/** What arrived in the last so many minutes. */
export const lately = (items, minutes) =>
  total(items.filter(({ minute }) => Date.parse(minute) >= now() - minutes * MINUTE_MS));

const named = (heads) => heads.map(([name, kind]) => [t(`reception.${name}`), kind]);

const trend = (items, minutes, step) => spark(perStep(items, minutes, step), { gap: Infinity, floor: 0 });

/** The table of several communes: a row per kind, of the last hour. */
export function minuteTable(items) {
  const kinds = [...Map.groupBy(items, (item) => item.kind)];
  const rows = kinds.map(([kind, came]) =>
    el("tr", {}, el("th", { scope: "row" }, t(`kinds.${kind}`)), el("td", { class: "num" }, number(total(came))), el("td", { class: "curve" }, trend(came, 60, 2))),
  );
  return table(t("reception.caption"), named([["kind"], ["hour", "num"], ["curve"]]), rows);
}

/** The table of one commune: a row per kind with its sensors, curve, median age and troubles. */
export function kindTable(picture, items) {
  const heads = named([["kind"], ["sensors", "num wide"], ["hour", "num"], ["curve"], ["age", "num wide"], ["states"]]);
  const rows = [...Map.groupBy(picture.rows.values(), (row) => row.sensor.kind)].map(([kind, sensors]) => {
    const came = items.filter((item) => item.kind === kind);
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, t(`kinds.${kind}`)),
      el("td", { class: "num wide" }, number(sensors.length)),
      el("td", { class: "num" }, number(total(came))),
      el("td", { class: "curve" }, trend(came, 60, 2)),
      el("td", { class: "num wide" }, medianAge(sensors)),
      el("td", {}, troubles(sensors)),
    );
  });
  return table(t("reception.caption"), heads, rows);
}

/** The counters of a day: readings stored by kind, all communes or one. */
export function dayTable(items) {
  const heads = named([["kind"], ["day", "num"], ["curve"]]);
  const row = (name, came) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "num" }, number(total(came))),
      el("td", { class: "curve" }, trend(came, 1440, 30)),
    );
  const kinds = [...Map.groupBy(items, (item) => item.kind)];
  const rows = kinds.map(([kind, came]) => row(t(`kinds.${kind}`), came));
  return table(t("reception.caption_day"), heads, [...rows, row(t("reception.total"), items)]);
}

function medianAge(sensors) {
  const ages = sensors.map(({ main }) => main?.latest?.at).filter(Boolean).map((at) => now() - at).sort((a, b) => a - b);
  return ages.length ? ago(Math.max(0, ages[Math.floor(ages.length / 2)])) : t("age.never");
}

function troubles(sensors) {
  const marks = STATES.filter((state) => state !== "normal").flatMap((state) => {
    const n = sensors.filter((row) => row.state === state).length;
    return n ? [el("span", { class: "state" }, glyph(`s-${state}`, t(`state.${state}`)), String(n))] : [];
  });
  return el("span", { class: "marks" }, ...marks);
}
