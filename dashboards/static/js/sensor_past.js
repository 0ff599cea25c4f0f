/** Prévu la veille, constaté: what was forecast before a day began against what came of it, and how that goes over 30 days. */

import { now, read } from "./api.js";
import { el } from "./element.js";
import { bare, moment, number, percent, prose, scale, shortDay, unit, whole } from "./formats.js";
import { dayStart, hourOf, ticks, toField } from "./paris.js";
import { timePlot } from "./sensor_plot.js";
import { get, put } from "./url.js";
import { language, t } from "./words.js";

const HOUR_MS = 3_600_000;
const DAYS = 30;
// 8 times in 10 is what p10 to p90 promises.
const PROMISED = 0.8;

/** Draw the day that the address names, else yesterday; false where the metric is not forecast. */
export async function showPast({ box, links, unit: named }, { series }) {
  if (!series?.metric.forecast_step_s) return false;
  const { metric } = series;
  named.textContent = unit(metric, { chart: true });
  const chosen = get("day") || yesterday();
  links.replaceChildren(dayChooser(chosen, () => showPast({ box, links, unit: named }, { series })), el("a", { href: `/modeles?${new URLSearchParams({ metric: metric.metric })}` }, t("explain.model")));
  const past = await read(`/series/${series.series_id}/forecasts/past`, { day: chosen, days: DAYS });
  box.replaceChildren(past.steps.length ? picture(past, metric) : el("p", { class: "lede small none" }, t("sensor_page.no_past")), figures(past.record, metric));
  return undefined;
}

const dayOf = (at) => toField(at).slice(0, 10);
const yesterday = () => dayOf(dayStart(now()) - HOUR_MS);

function dayChooser(chosen, again) {
  const field = el("input", { type: "date", value: chosen, max: dayOf(now()), onchange: () => {
    if (!field.value) return;
    put({ day: field.value === yesterday() ? "" : field.value });
    again();
  } });
  return el("label", { class: "day" }, el("span", {}, t("sensor_page.past_day")), field);
}

function picture({ steps: told, step_s: step, hits: inside, judged }, metric) {
  const steps = told.map((one) => ({ ...one, at: Date.parse(one.valid_at) }));
  const [from, until] = [steps[0].at, steps.at(-1).at + step * 1000];
  const factor = scale(metric);
  const issues = [...new Set(told.map(({ issued_at: at }) => at))];
  const issued = { at: moment(Date.parse(issues[0]), now()), last: moment(Date.parse(issues.at(-1)), now()), n: issues.length };
  const said = t(issues.length > 1 ? "sensor_page.past_issues" : "sensor_page.past_issue", issued);
  const words = judged ? `${said} ${t("sensor_page.past_hits", { hits: number(inside), n: number(judged) }, judged)}` : said;
  const drawn = timePlot({
    label: words, from, until, tall: "past",
    points: steps.map(({ at, came }) => [at, came === null ? null : came * factor]),
    fan: steps.map(({ at, p10, p90 }) => ({ at, low: p10 * factor, high: p90 * factor })),
    middle: steps.map(({ at, p50 }) => [at, p50 * factor]),
    said: (value) => number(value, Number.isInteger(value) ? 0 : 1),
    ticks: hours(from, until),
  });
  return el("figure", { class: "fig" }, drawn, hits(steps), el("figcaption", { class: "small quiet" }, words));
}

/** The hours under the drawing, few enough to be read. */
function hours(from, until) {
  const every = [1, 3, 6, 12, 24].find((count) => (until - from) / HOUR_MS / count <= 7) ?? 24;
  return ticks(from, until, every).map((at) => ({ at, words: hourOf(at) ? hourWords(at) : shortDay(at), kind: hourOf(at) ? "" : "day" }));
}

const hourWords = (at) => (language === "fr" ? `${hourOf(at)}\u00a0h` : prose(at));

/** A cell for each step: inside of the fan, outside of it, or nothing known. */
function hits(steps) {
  const cell = ({ hit }) => el("i", { class: hit === null ? "none" : hit ? null : "out" });
  return el("div", { class: "hits", "aria-hidden": "true" }, ...steps.map(cell));
}

function figures(record, metric) {
  if (!record) return el("p", { class: "small quiet" }, t("sensor_page.no_scores"));
  const pair = (name, value, beside = "") => el("div", {}, el("dt", {}, t(`sensor_page.${name}`, { n: number(record.days) }, record.days)), el("dd", {}, value, beside ? " " : null, beside ? el("span", {}, beside) : null));
  const naive = record.absolute_error_naive;
  const between = record.gain_low === null ? "" : t("sensor_page.past_gain_between", { low: percent(record.gain_low), high: percent(record.gain_high) });
  return el(
    "dl",
    { class: "mini" },
    pair("past_inside", percent(record.coverage_80), t("sensor_page.past_promised", { share: percent(PROMISED) })),
    pair("past_error", whole(metric, record.absolute_error), t("sensor_page.past_error_naive", { value: scale(metric) === 100 ? percent(naive) : bare(metric, naive) })),
    record.gain === null ? null : pair("past_gain", percent(record.gain), between),
  );
}
