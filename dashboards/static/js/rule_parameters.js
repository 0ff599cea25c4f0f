/** The parameters of a rule's condition as fields: amounts on the screen's scale, minutes, shares, hours, weekdays. */

import { line, option } from "./dialog.js";
import { el } from "./element.js";
import { scale, unit } from "./formats.js";
import { t } from "./words.js";

const DAYS = [0, 1, 2, 3, 4, 5, 6];
const MINUTES_MAX = 20_160;
const PERCENT = 100;

// What each condition asks for. `fine`: seldom changed, behind a fold. `free`: may stay empty.
const OUTSIDE = [{ key: "margin_ratio", kind: "percent", usual: 0.5, max: 1000 }, { key: "minutes", kind: "minutes", usual: 60 }];
const AHEAD = [{ key: "will_exceed", kind: "amount" }, { key: "within_hours", kind: "number", usual: 24, min: 0.5, max: 168 }, { key: "chance", kind: "percent", usual: 0.5, max: 100 }];
const FIELDS = {
  threshold: [
    { key: "side", kind: "choice", of: ["above", "below"] },
    { key: "raise", kind: "amount" },
    { key: "minutes", kind: "minutes", usual: 10 },
    { key: "clear", kind: "amount", fine: true, like: "raise" },
    { key: "clear_minutes", kind: "minutes", usual: 10, fine: true },
    { key: "mean_minutes", kind: "minutes", usual: 0, fine: true },
    { key: "hours", kind: "hours", fine: true, free: true },
    { key: "weekdays", kind: "weekdays", fine: true, free: true },
  ],
  rate: [{ key: "per_minute", kind: "amount" }, { key: "minutes", kind: "minutes", usual: 10, min: 0.1 }],
  stuck: [{ key: "minutes", kind: "minutes", free: true, min: 0.1 }],
  silence: [{ key: "factor", kind: "number", usual: 1, min: 0.5, max: 20 }],
  battery: [{ key: "empty", kind: "amount" }, { key: "days", kind: "number", usual: 30, min: 1, max: 365 }],
  expected: OUTSIDE,
  will_exceed: AHEAD,
  completeness: [{ key: "ratio", kind: "percent", usual: 0.75, max: 100 }, { key: "days", kind: "number", usual: 2, min: 1, max: 28 }],
};
/** What a person chooses from: the conditions, and the forecast's two forms apart. */
export const FORMS = Object.keys(FIELDS);
/** The form of a rule, and the condition of a form, as the API names it. */
export const formOf = ({ condition, parameters }) => (condition === "expected" && "will_exceed" in parameters ? "will_exceed" : condition);
export const conditionOf = (form) => (form === "will_exceed" ? "expected" : form);
/** Forms that judge amounts, so that a rule must say of which metric. */
export const needsMetric = (form) => FIELDS[form].some(({ kind }) => kind === "amount");

export class ParameterFields {
  #read = new Map();

  /**
   * @param {string} form one of FORMS
   * @param {object | undefined} metric as `/quantities` has it, where the rule says one
   * @param {object} given parameters as they are now, in stored units
   */
  constructor(form, metric, given = {}) {
    this.given = given;
    const shown = FIELDS[form].map((field) => [field, this.#field(form, field, metric)]);
    const fine = shown.filter(([field]) => field.fine).map(([, node]) => node);
    this.nodes = [
      el("div", { class: "pair" }, ...shown.filter(([field]) => !field.fine).map(([, node]) => node)),
      fine.length ? el("details", { class: "fine" }, el("summary", {}, t("rules.fine")), el("div", { class: "pair" }, ...fine)) : null,
    ];
  }

  /** What was filled in, as the API takes it; what no field is for stays as it was. */
  value() {
    const value = { ...this.given };
    for (const [key, read] of this.#read) value[key] = read();
    for (const [key, one] of Object.entries(value)) if (one === undefined) delete value[key];
    return value;
  }

  #field(form, field, metric) {
    const { key, kind } = field;
    if (kind === "hours") return this.#hours(key);
    if (kind === "weekdays") return this.#weekdays(key);
    const hint = field.free ? t(`rules.hint_${form}_${key}`) : field.like ? t("rules.hint_like") : "";
    if (kind === "choice") {
      const choose = el("select", { name: key }, ...field.of.map((one) => option(one, t(`rules.${key}_${one}`), one === this.given[key])));
      this.#read.set(key, () => choose.value);
      return line(t(`rules.${key}`), choose);
    }
    const [factor, name] = { amount: [metric ? scale(metric) : 1, metric ? unit(metric) : ""], percent: [PERCENT, "%"], minutes: [1, "min"] }[kind] ?? [1, ""];
    const now = this.given[key] ?? field.usual;
    const bounds = { percent: { min: 0, max: field.max }, minutes: { min: field.min ?? 0, max: MINUTES_MAX }, number: { min: field.min, max: field.max } }[kind] ?? {};
    const input = el("input", { type: "number", name: key, inputmode: "decimal", step: "any", required: !field.free && !field.like, ...bounds, value: now === undefined || now === null ? "" : rounded(now * factor) });
    this.#read.set(key, () => (Number.isNaN(input.valueAsNumber) ? (field.like ? this.#read.get(field.like)() : null) : input.valueAsNumber / factor));
    return line(name ? t("rules.with_unit", { name: t(`rules.${key}`), unit: name }) : t(`rules.${key}`), input, hint);
  }

  /** Local hours of the day, [from, to); all day where none is chosen. */
  #hours(key) {
    const [from, to] = this.given[key] ?? [];
    const choose = (name, chosen, first) => el("select", { name: `${key}-${name}`, "aria-label": t(`rules.hours_${name}`) }, option("", t("rules.all_day"), chosen === undefined), ...Array.from({ length: 24 }, (_, hour) => hour + first).map((hour) => option(hour, t("rules.hour", { hour }), hour === chosen)));
    const [begin, end] = [choose("from", from, 0), choose("to", to, 1)];
    this.#read.set(key, () => (begin.value === "" || end.value === "" ? null : [Number(begin.value), Number(end.value)]));
    return el("fieldset", { class: "plain line" }, el("legend", {}, t("rules.hours")), el("div", { class: "pair" }, begin, end));
  }

  #weekdays(key) {
    const chosen = this.given[key] ?? DAYS;
    const box = weekdayBoxes(key, chosen);
    this.#read.set(key, () => {
      const days = checkedDays(box);
      return days.length === DAYS.length || !days.length ? null : days;
    });
    return box;
  }
}

/** Seven boxes, Monday first. */
export function weekdayBoxes(name, chosen, label = t("rules.weekdays")) {
  const day = (one) => el("label", { class: "day" }, el("input", { type: "checkbox", name, value: one, checked: chosen.includes(one) }), el("span", { "aria-hidden": "true" }, t(`rules.day_short.${one}`)), el("span", { class: "vh" }, t(`alarm_said.weekday.${one}`)));
  return el("fieldset", { class: "plain line week" }, el("legend", {}, label), ...DAYS.map(day));
}

export const checkedDays = (box) => [...box.querySelectorAll("input:checked")].map(({ value }) => Number(value));

/** Without the dust that a change of scale leaves: 0,07 × 100 is 7. */
const rounded = (value) => Number(value.toPrecision(12));
