/** A decision's phrases and figures in words: each value in the form that its name's unit asks for. */

import { now } from "./api.js";
import { moment, number, percent } from "./formats.js";
import { knows, t } from "./words.js";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const UNITS = {
  km: "km", m: "m", h: "h", min: "min", s: "s", kwh: "kWh", kw: "kW", eur: "€", eur_per_kwh: "€/kWh", ppm: "ppm", c: "°C", k: "K",
  kh: "K·h", m3h: "m³/h", m3: "m³", l: "L", kg: "kg", ug_m3: "µg/m³",
};

/** The unit that a name ends with, "" when it has none: `saved_eur` is in `eur`. */
function unitOf(name) {
  const parts = name.toLowerCase().split("_");
  for (let from = 0; from < parts.length; from += 1) {
    const end = parts.slice(from).join("_");
    if (end in UNITS) return end;
  }
  return "";
}

/** Digits that a value deserves: cents of an amount, a tenth of what is small, none of what is counted or large. */
function digitsOf(name, value) {
  if (unitOf(name) === "eur") return Math.abs(value) < 100 ? 2 : 0;
  if (Number.isInteger(value) || Math.abs(value) >= 100) return 0;
  return Math.abs(value) < 1 ? 2 : 1;
}

/** One value of a phrase, bare: the sentence around it names the unit. Shares are percentages, instants local. */
export function valueText(name, value) {
  if (value === null || value === undefined) return t("decision.common.missing");
  if (typeof value === "boolean") return t(value ? "decision.common.yes" : "decision.common.no");
  if (typeof value === "string") return INSTANT.test(value) ? moment(Date.parse(value), now()) : value;
  if (/(^|_)(ratio|probability)$/.test(name)) return percent(value);
  return number(value, digitsOf(name, value));
}

/** One figure with its unit: `12,4 km`. */
export function figureText(name, value) {
  const unit = UNITS[unitOf(name)];
  const text = valueText(name, value);
  return unit ? `${text}\u00a0${unit}` : text;
}

/**
 * A phrase in words. A kind may say its own word for a text value: `decision.<kind>.value.<text>`.
 * @param {{key: string, values: Record<string, string | number | boolean | null>}} phrase
 */
export function phraseText(phrase, kind) {
  const texts = Object.fromEntries(
    Object.entries(phrase.values).map(([name, value]) => {
      const own = `decision.${kind}.value.${value}`;
      return [name, typeof value === "string" && /^\w+$/.test(value) && knows(own) ? t(own) : valueText(name, value)];
    }),
  );
  return t(`decision.${kind}.${phrase.key}`, texts, phrase.values.n ?? 0);
}

/** The words for a name of the kind (`input`, `alternative`, `check`, `figure`), or the name itself. */
export function nameText(kind, family, name) {
  const key = `decision.${kind}.${family}.${name}`;
  return /^\w+$/.test(name) && knows(key) ? t(key) : name;
}
