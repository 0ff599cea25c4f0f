/** Trying a rule on the past: how many alarms it would have raised, of how many sensors, and some of them. */

import { now, send } from "./api.js";
import { choices } from "./choice.js";
import { el } from "./element.js";
import { minute, moment, number, span } from "./formats.js";
import { table } from "./table.js";
import { t } from "./words.js";

const DAYS = [7, 30, 90];
// More a month of a sensor than this and people stop reading them.
const OFTEN = 1;

/**
 * A part of a form that tries what stands in it.
 * @param {() => object | false} given the rule as the API takes it, false where the form is not filled in
 */
export function trialBox(given) {
  const said = el("div", { class: "trial-said", role: "status" });
  let days = 30;
  const length = el("span", { class: "links", role: "group", "aria-label": t("period.label") });
  choices(length, DAYS.map((n) => [String(n), t("rules.days_back", { n })]), String(days), (value) => (days = Number(value)));
  const button = el("button", { class: "btn", type: "button", onclick: attempt }, t("rules.try"));
  async function attempt() {
    const rule = given();
    if (!rule) return;
    button.disabled = true;
    said.replaceChildren(el("p", { class: "quiet" }, t("rules.trying")));
    try {
      said.replaceChildren(...outcome(await send("/alarm-rules/trial", { rule, days }), days));
    } catch (error) {
      said.replaceChildren(el("p", { class: "note alarm", role: "alert" }, t("dialog.refused", { why: error.message })));
    } finally {
      button.disabled = false;
    }
  }
  return el("fieldset", { class: "plain trial" }, el("legend", {}, t("rules.trial")), el("div", { class: "acts" }, button, length), said);
}

/** The sentence, and some of the alarms. */
export function outcome({ alarms, sensors, series, series_left: left, per_sensor_month: monthly, examples }, days) {
  if (!series) return [el("p", { class: "quiet" }, t("rules.would_nowhere"))];
  const often = monthly > OFTEN;
  const words = alarms
    ? t("rules.would", { n: number(alarms), sensors: t("rules.of_sensors", { n: number(sensors) }, sensors), monthly: number(monthly, monthly < 10 ? 1 : 0), days }, alarms)
    : t("rules.would_none", { days });
  const cut = left ? ` ${t("rules.some_left", { n: number(left) }, left)}` : "";
  return [el("p", { class: often ? "t-watch" : "" }, words, often ? ` ${t("rules.often")}` : "", cut), examples.length ? exampleTable(examples) : ""];
}

function exampleTable(examples) {
  const heads = [[t("rules.example")], [t("rules.began"), "num"], [t("rules.lasted"), "num"]];
  const rows = examples.map(({ sensor, since, until }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", class: "wrap" }, sensor),
      el("td", { class: "num" }, moment(Date.parse(since), now(), minute)),
      el("td", { class: "num" }, until === null ? t("rules.lasts") : span(Date.parse(until) - Date.parse(since))),
    ),
  );
  return el("div", { class: "scroll table", tabindex: "0", role: "region", "aria-label": t("rules.examples") }, table(t("rules.examples"), heads, rows));
}
