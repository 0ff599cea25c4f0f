/** Why a decision is what it is: its reasons, what it was made from, what it would cost to do otherwise, its checks. */

import { now } from "./api.js";
import { figureText, nameText, phraseText } from "./decision_words.js";
import { el, glyph } from "./element.js";
import { moment } from "./formats.js";
import { knows, t } from "./words.js";

const ROWS_MAX = 40;
/** Whose weather wants them named with a link wherever it is shown. */
const ATTRIBUTED = { weather_open_meteo: "https://open-meteo.com/" };

/** The sections of the explanation, in the order a person asks. */
export function whyParts(decision) {
  return [
    reasons(decision),
    ...(decision.alternatives.length ? [section("alternatives", alternatives(decision))] : []),
    ...(decision.inputs.length ? [section("inputs", inputs(decision))] : []),
    ...(decision.checks.length ? [section("checks", checks(decision))] : []),
  ];
}

const section = (key, ...children) =>
  el("section", { class: "sec" }, el("header", {}, el("h2", {}, t(`decision.common.${key}`))), ...children);

function reasons(decision) {
  const list = el("ul", { class: "reasons" }, ...cut(decision.reasons.map((reason) => el("li", {}, phraseText(reason, decision.kind))), (text) => el("li", { class: "quiet" }, text)));
  const simulated = decision.simulated ? el("p", { class: "small" }, el("span", { class: "simulated" }, t("decision.common.simulated"))) : null;
  return section("reasons", simulated ?? "", list);
}

/** At most so many rows, then how many more there are. */
function cut(rows, rest) {
  const more = rows.length - ROWS_MAX;
  return more > 0 ? [...rows.slice(0, ROWS_MAX), rest(t("decision.common.more", { n: more }))] : rows;
}

function alternatives({ kind, figures, alternatives: others }) {
  const names = Object.keys(figures).filter((name) => others.some((other) => name in other.figures));
  const cell = (row, name) => el("td", { class: "num" }, name in row ? figureText(name, row[name]) : "");
  const row = (title, values, current) =>
    el("tr", current ? { "aria-current": "true" } : {}, el("th", { scope: "row" }, title), ...names.map((name) => cell(values, name)));
  return table(
    [t("decision.common.alternative"), ...names.map((name) => nameText(kind, "figure", name))],
    [row(t("decision.common.this_one"), figures, true), ...others.map((other) => row(nameText(kind, "alternative", other.name), other.figures, false))],
    t("decision.common.alternatives"),
  );
}

function inputs({ kind, inputs: all }) {
  // What is less than it should be comes first: it is what a person must know; who must be named is never cut off.
  const rank = ({ fallback, name }) => (fallback !== null ? 0 : name in ATTRIBUTED ? 1 : 2);
  const sorted = [...all].sort((a, b) => rank(a) - rank(b));
  const row = (input) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, inputText(kind, input)),
      el("td", {}, input.known_at ? el("time", { datetime: input.known_at }, moment(Date.parse(input.known_at), now())) : t("decision.common.unknown_time")),
      el("td", { class: "wrap" }, input.fallback === null ? t("decision.common.as_expected") : el("span", { class: "state" }, glyph("s-watch"), fallbackText(kind, input.fallback))),
    );
  const heads = ["input", "known_at", "fallback"].map((key) => t(`decision.common.${key}`));
  return table(heads, cut(sorted.map(row), (text) => el("tr", {}, el("td", { colspan: 3, class: "quiet" }, text))), t("decision.common.inputs"));
}

/** An input by the kind's own words, or the weather's, which all kinds share; a series leads to its sensor's page. */
function inputText(kind, { name, series_id: series }) {
  const common = `decision.common.weather.${name}`;
  const text = /^\w+$/.test(name) && knows(common) ? t(common) : nameText(kind, "input", name);
  if (series) return el("a", { href: `/capteur?${new URLSearchParams({ series })}` }, text);
  return name in ATTRIBUTED ? el("a", { href: ATTRIBUTED[name], rel: "noreferrer" }, text) : text;
}

/** The kind's own words, those of forecasts, or the word itself. */
function fallbackText(kind, fallback) {
  const own = nameText(kind, "fallback", fallback);
  const common = `fallback.${fallback}`;
  return own === fallback && /^\w+$/.test(fallback) && knows(common) ? t(common) : own;
}

function checks({ kind, checks: all }) {
  const item = (check) =>
    el(
      "li",
      {},
      el("span", { class: "state" }, glyph(check.passed ? "s-normal" : "s-alarm"), nameText(kind, "check", check.name)),
      el("span", { class: "quiet" }, ` ${t(check.passed ? "decision.common.passed" : "decision.common.broken")}`),
      check.detail ? el("span", { class: "quiet small" }, ` ${check.detail}`) : null,
    );
  return el("ul", { class: "checks" }, ...all.map(item));
}

function table(heads, rows, caption) {
  const head = (text, place) => el("th", { scope: "col", class: place && heads.length > 3 ? "num" : null }, text);
  return el(
    "div",
    { class: "scroll" },
    el("table", {}, el("caption", { class: "vh" }, caption), el("thead", {}, el("tr", {}, ...heads.map(head))), el("tbody", {}, ...rows)),
  );
}
