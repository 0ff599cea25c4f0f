/** How a model does, in words: what asks for a look, how it compares with the naive forecast, whether it keeps its promise. */

import { el, glyph } from "./element.js";
import { number, percent } from "./formats.js";
import { knows, t } from "./words.js";

/** What p05 to p95 promise: nine times in ten. */
export const PROMISED = 0.9;
// Outside of these the promise is not kept.
const [HELD_LOW, HELD_HIGH] = [0.85, 0.95];
// The line of the bar starts here: below it no promise is worth drawing.
const BAR_FROM = 0.6;
const NUMBERS = t("verdict.numbers").split(" ");

export const metricWords = (metric) => t(`metric.${metric}`);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
/** A count in letters up to sixteen, as prose has it. */
export const count = (n) => NUMBERS[n] ?? number(n);

/** Names as prose joins them: `CO₂, NO₂ et Puissance`. */
export function joined(names) {
  return names.length < 2 ? names.join("") : names.slice(0, -1).join(t("verdict.comma")) + t("verdict.and") + names.at(-1);
}

/** What asks for a look, the gravest first, by the name of its words. */
export function troubles({ champion, skill, coverage_90: held, drifting }) {
  if (!champion) return ["no_model"];
  return [
    drifting && "drifts",
    skill !== null && skill < 0 && "worse",
    held !== null && held < HELD_LOW && "narrow",
    held !== null && held > HELD_HIGH && "wide",
    skill === null && "unscored",
  ].filter(Boolean);
}

const QUIET = ["no_model", "unscored"];
const GRAVITY = ["drifts", "worse", "narrow", "wide", "no_model", "unscored"];
/** Whether somebody should look: a metric that waits for its first model or scores only waits. */
export const isTroubled = (item) => troubles(item).some((word) => !QUIET.includes(word));
/** The lower the sooner it is shown. */
export const gravity = (item) => Math.min(...troubles(item).map((word) => GRAVITY.indexOf(word)), GRAVITY.length);

/** The glyph of a metric's forecasts: a triangle to look at, a ring where no model speaks, a disc. */
export function markOf(item) {
  const state = isTroubled(item) ? "watch" : item.champion ? "normal" : "silent";
  return glyph(`s-${state}`, t(`models.mark_${state}`));
}

/** `27 %`, `−3 %`, `–` where nothing was scored. */
export const gain = (skill) => (skill === null ? "–" : percent(skill));

/** How often the truth lay in a range, against how often it was promised: a range, the promise, a mark. */
export function promise(held, promised = PROMISED) {
  if (held === null) return el("span", { class: "quiet" }, "–");
  const kept = held >= promised - (PROMISED - HELD_LOW) && held <= promised + (HELD_HIGH - PROMISED);
  const at = (ratio) => `${Math.max(0, Math.min(1, (ratio - BAR_FROM) / (1 - BAR_FROM))) * 100}%`;
  const [range, line, mark] = [el("i"), el("u"), el("b", { class: kept ? "obs" : "obs off" })];
  range.style.left = at(promised - (PROMISED - HELD_LOW));
  range.style.width = `${((HELD_HIGH - HELD_LOW) / (1 - BAR_FROM)) * 100}%`;
  line.style.left = at(promised);
  mark.style.left = at(held);
  return el("span", { class: "promise" }, el("span", { class: "iv", "aria-hidden": "true" }, range, line, mark), el("span", { class: kept ? "" : "t-watch" }, percent(held)));
}

// A tenth of a unit is the last that is worth its name: below, the thousandth of it speaks.
const LEAST = 0.1;
const NB = "\u00a0";

/** `4,2 Wh · 0,24 g CO₂e` of a fit; `38 mWh · 2,1 mg CO₂e` of a tiny one. */
export function energyWords({ energy_kwh: energy, co2e_g: emitted }) {
  if (energy === null || energy === undefined) return t("models.energy_unknown");
  return t("models.energy", { energy: amount(energy * 1000, ["Wh", "mWh"], 1), emitted: amount(emitted ?? 0, ["g", "mg"], 2) });
}

function amount(value, [unit, thousandth], digits) {
  const [shown, name, most] = value && value < LEAST ? [value * 1000, thousandth, 1] : [value, unit, digits];
  return `${number(shown, shown && shown < 10 ? most : 0)}${NB}${name}`;
}

/** Badges that say that a model learnt from series that are not from the field, all of them or so many. */
export function originBadges(model) {
  const counts = model?.card?.origins ?? {};
  return ["simulated", "replayed"].filter((origin) => counts[origin]).map((origin) => {
    const [n, of] = [counts[origin], model.series];
    const words = n >= of ? t(`models.origin_all.${origin}`) : t(`models.origin_some.${origin}`, { n: number(n), of: number(of) }, n);
    return el("span", { class: "simulated", title: t(`models.origin_hint.${origin}`) }, words);
  });
}

/** Why a model was trained, in words where there are some for it. */
export const trainedWhy = (why) => (knows(`models.trained_${why}`) ? t(`models.trained_${why}`) : why);
/** Why a model speaks: the rule's word or figures in words, else as it was written. */
export function reignWhy({ by, why }) {
  if (by !== "vigie") return why;
  if (knows(`models.reign_${why}`)) return t(`models.reign_${why}`);
  const told = figuresOf(why);
  if (!told) return why;
  const { gain: saved, held_90: held, champion, steps, series: n, days } = told;
  return t("models.reign_better", { gain: percent(saved), held: percent(held), champion, steps: number(steps), days, n });
}

/** The figures by which the rule let a model speak; null where older versions wrote a sentence. */
function figuresOf(why) {
  try {
    const told = JSON.parse(why);
    return told?.rule === "better" ? told : null;
  } catch {
    return null;
  }
}
/** Who said something: a person by name, the platform by its rule. */
export const byWords = (by) => (by === "vigie" ? t("models.by_rule") : by);
