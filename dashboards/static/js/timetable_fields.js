/** The hours of a week as fields: lines of weekdays with a beginning and an end, as many as needed, none is always. */

import { el } from "./element.js";
import { checkedDays, weekdayBoxes } from "./rule_parameters.js";
import { t } from "./words.js";

const LINES_MAX = 7;
const WORKDAYS = [0, 1, 2, 3, 4];

/** Spans of the week that share their hours, as one line each: `[[0, "08:00", "18:00"], …]` to days by hours. */
export function linesOf(timetable) {
  return [...Map.groupBy(timetable, ([, from, to]) => `${from} ${to}`).values()].map((spans) => ({ days: spans.map(([day]) => day).sort(), from: spans[0][1], to: spans[0][2] }));
}

/** A timetable in words: `du lundi au vendredi, 08:00–18:00`; always where there is none. */
export function timetableWords(timetable) {
  if (!timetable.length) return t("told.always");
  return linesOf(timetable).map(({ days, from, to }) => t("told.span", { days: daysWords(days), from, to })).join(" · ");
}

function daysWords(days) {
  const name = (day) => t(`alarm_said.weekday.${day}`);
  const run = days.length > 2 && days.at(-1) - days[0] === days.length - 1;
  if (days.length === 7) return t("told.every_day");
  return run ? t("alarm_said.rule.days_range", { first: name(days[0]), last: name(days.at(-1)) }) : days.map(name).join(", ");
}

export class TimetableFields {
  #lines = [];

  /** @param {[number, string, string][]} timetable */
  constructor(timetable) {
    this.list = el("div", {});
    this.more = el("button", { class: "btn", type: "button", onclick: () => this.#add({ days: WORKDAYS, from: "08:00", to: "18:00" }, true) }, t("told.add_hours"));
    this.empty = el("p", { class: "small quiet" }, t("told.always_hint"));
    this.node = el("fieldset", { class: "plain timetable" }, el("legend", {}, t("told.timetable")), this.empty, this.list, this.more);
    for (const line of linesOf(timetable)) this.#add(line);
  }

  /** What was filled in, as the API takes it. */
  value() {
    return this.#lines.flatMap(({ days, from, to }) => checkedDays(days).map((day) => [day, from.value, to.value]));
  }

  #add({ days, from, to }, focused = false) {
    const time = (value, label) => el("input", { type: "time", required: true, value, "aria-label": label });
    const line = { days: weekdayBoxes(`days-${this.#lines.length}`, days, t("told.days")), from: time(from, t("told.from")), to: time(to, t("told.to")) };
    const drop = el("button", { class: "btn plain", type: "button", "aria-label": t("told.drop_hours"), onclick: () => this.#drop(line) }, "×");
    line.node = el("div", { class: "hours" }, line.days, line.from, line.to, drop);
    this.#lines.push(line);
    this.list.append(line.node);
    this.#tidy();
    if (focused) line.from.focus();
  }

  #drop(line) {
    this.#lines = this.#lines.filter((one) => one !== line);
    line.node.remove();
    this.#tidy();
    this.more.focus();
  }

  #tidy() {
    this.empty.hidden = this.#lines.length > 0;
    this.more.hidden = this.#lines.length >= LINES_MAX;
  }
}
