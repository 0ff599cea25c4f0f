/** The bays now: state, current stay on its allowed time, chances of a place; and who says those chances. */

import { el, glyph, svg } from "./element.js";
import { number } from "./formats.js";
import { t } from "./words.js";

const SCALE = 2;
const WIDE_LEADS = [60];

/** The table of bays, the worst first; each leads to the page of the sensor that the decision read it from. */
export function nowTable({ bays, scores }, inputs = []) {
  const leads = scores.map(({ lead_min: lead }) => lead);
  const heads = [
    el("th", { scope: "col" }, t("livraisons.bay")),
    el("th", { scope: "col" }, t("livraisons.state")),
    el("th", { scope: "col", class: "num wide" }, t("livraisons.since")),
    el("th", { scope: "col", class: "wide" }, t("livraisons.stay")),
    ...leads.map((lead) => el("th", { scope: "col", class: chanceClass(lead) }, t("livraisons.in_minutes", { n: lead }))),
  ];
  const rows = [...bays].sort((a, b) => rank(a) - rank(b) || (b.since_min ?? 0) - (a.since_min ?? 0)).map((bay) => row(bay, leads, inputs.find(({ name }) => name === bay.name)?.series_id));
  const table = el(
    "table",
    {},
    el("caption", { class: "vh" }, t("livraisons.now_caption")),
    el("thead", {}, el("tr", {}, ...heads)),
    el("tbody", {}, ...rows),
  );
  const notes = [
    bays.some(({ state }) => state === "unknown") ? t("livraisons.unknown_hint") : "",
    leads.length ? "" : t("livraisons.no_history"),
  ].filter(Boolean);
  return [table, ...notes.map((text) => el("p", { class: "small quiet" }, text))];
}

const stateOf = (bay) => (bay.state !== "unknown" && bay.over_min > 0 ? "over" : bay.state);
const rank = (bay) => ["over", "full", "free", "unknown"].indexOf(stateOf(bay));
const chanceClass = (lead) => `chance${WIDE_LEADS.includes(lead) ? " wide" : ""}`;

function row(bay, leads, series) {
  const standing = bay.state === "full" || bay.over_min > 0;
  const chance = (lead) => bay.chances.find((one) => one.lead_min === lead);
  return el(
    "tr",
    { class: bay.state === "unknown" ? "dim" : null },
    el("th", { scope: "row" }, series ? el("a", { href: `/capteur?${new URLSearchParams({ series })}` }, bay.name) : bay.name),
    el("td", { class: "nb" }, stateMark(bay)),
    el("td", { class: "num nb wide" }, standing && bay.since_min !== null ? t("livraisons.minutes", { n: number(bay.since_min) }) : ""),
    el("td", { class: "wide" }, standing && bay.since_min !== null ? stayBar(bay) : ""),
    ...leads.map((lead) => el("td", { class: chanceClass(lead) }, ...chanceMark(chance(lead)))),
  );
}

function stateMark(bay) {
  const state = stateOf(bay);
  const name = bay.places > 1 && bay.state === "free" ? t("livraisons.places", { free: bay.free_places, n: bay.places }) : t(`livraisons.is_${state}`);
  if (state === "over") return el("span", { class: "state" }, glyph("s-alarm"), name);
  if (state === "unknown") return el("span", { class: "state quiet" }, glyph("s-silent"), name);
  const look = state === "free" ? { fill: "none", stroke: "currentColor", "stroke-width": "1.8" } : { fill: "currentColor" };
  const square = svg("svg", { class: "st", viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: "M2 2h8v8H2z", ...look }));
  return el("span", { class: state === "free" ? "state t-accent" : "state" }, square, name);
}

/** The current stay beside the allowed time, which stands in the middle. */
function stayBar(bay) {
  const full = bay.max_stay_min * SCALE;
  const share = (minutes) => `${Math.min(100, (minutes / full) * 100)}%`;
  // What stood before the rule began today is no excess.
  const kept = el("i");
  kept.style.width = share(Math.min(bay.since_min, bay.max_stay_min));
  const limit = el("u");
  limit.style.left = share(bay.max_stay_min);
  const over = el("i", { class: "ov" });
  over.style.left = share(bay.max_stay_min);
  over.style.width = `${Math.min(100 - 100 / SCALE, (bay.over_min / full) * 100)}%`;
  const label = t("livraisons.stay_label", { n: bay.since_min, max: bay.max_stay_min });
  return el("span", { class: "stay", role: "img", "aria-label": label }, kept, bay.over_min ? over : null, limit);
}

function chanceMark(chance) {
  if (!chance) return [el("span", { class: "quiet" }, "?")];
  const level = el("i");
  level.style.height = `${chance.free_ratio * 100}%`;
  return [el("span", { class: "pb", "aria-hidden": "true" }, level), number(chance.free_ratio * 100)];
}

/** Brier scores by lead time on the held-out days; the one that speaks in bold. */
export function scoreTable(scores) {
  if (!scores.length) return [el("p", { class: "lede none" }, t("livraisons.no_history"))];
  const names = ["model", "profile", "persistence"];
  const cell = (score, name) => el("td", { class: "num" }, score.spoken === name ? el("strong", {}, text(score, name)) : text(score, name));
  const text = (score, name) => number(score.brier[name], 2);
  const rows = scores.map((score) => el("tr", {}, el("th", { scope: "row" }, t("livraisons.minutes", { n: score.lead_min })), ...names.map((name) => cell(score, name))));
  const heads = ["lead", ...names].map((name, place) => el("th", { scope: "col", class: place ? "num" : null }, t(`livraisons.${name}`)));
  return [
    el("table", {}, el("caption", {}, t("livraisons.spoken_caption")), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
    el("p", { class: "small quiet" }, t("livraisons.held_out", { n: scores[0].days })),
  ];
}
