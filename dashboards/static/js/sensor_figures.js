/** The figures of a sensor: now, what is expected at this hour, when a limit is crossed again, what came, the battery. */

import { now } from "./api.js";
import { el, glyph } from "./element.js";
import { ago, bare, clock, farDay, measured, minute, moment, monthYear, number, percent, span, unit, whole } from "./formats.js";
import { t } from "./words.js";

const FAR_MS = 90 * 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

/** Write the figures; those that this sensor has nothing of are left out. */
export function showFigures(list, about) {
  const { series, reading } = about;
  const found = [series && present(about), series && expected(about), series && reading && crossing(about), received(about), battery(about)].filter(Boolean);
  list.hidden = !found.length;
  list.replaceChildren(...found.map(({ words, mark, value, kind, unit: name, under }) =>
    el("div", {}, el("dt", {}, mark ?? null, words), el("dd", { class: kind ?? null }, value, name ? "\u00a0" : null, name ? el("span", { class: "unit" }, name) : null, el("span", { class: "d" }, under || "\u00a0"))),
  ));
}

function present(about) {
  const { series: { metric }, reading, state } = about;
  if (!reading) return { words: t("sensor_page.now"), value: "–", kind: "lo", under: t("age.never") };
  const silent = reading.state === "silent";
  return {
    words: t(silent ? "sensor_page.last" : "sensor_page.now"),
    mark: state === "normal" ? null : glyph(`s-${state}`, t(`sensor_page.state_${state}`)),
    value: measured(metric, reading.value),
    unit: unit(metric),
    kind: silent ? "lo" : state === "alarm" ? "t-alarm" : null,
    under: t("sensor_page.measured_at", { at: moment(reading.at, now(), clock), age: ago(Math.max(0, now() - reading.at)) }),
  };
}

function expected({ series: { metric }, reading, forecast }) {
  if (!metric.forecast_step_s) return null;
  const words = t("sensor_page.expected");
  if (!reading?.expected) return { words, value: "–", kind: "lo", under: t("list.no_expected") };
  const { p05, p50, p95 } = reading.expected;
  const issued = forecast ? t("sensor_page.issued", { at: moment(Date.parse(forecast.issued_at), now()) }) : "";
  if (metric.nature === "state") return { words, value: percent(p50), under: [t("sensor_page.share_of_time"), issued].filter(Boolean).join(", ") };
  return { words, value: bare(metric, p50), unit: unit(metric), under: [t("sensor_page.between", { low: bare(metric, p05), high: bare(metric, p95) }), issued].filter(Boolean).join(", ") };
}

/** When a limit is crossed again, as the forecast says it; else the most that it expects. */
function crossing({ series: { metric }, reading, forecast, limits }) {
  const steps = (forecast?.steps ?? []).filter(({ at }) => at >= now());
  if (!steps.length || metric.nature === "state") return null;
  const high = limits.filter(({ side }) => side !== "below").map(({ value }) => value).sort((a, b) => a - b);
  const passed = high.filter((value) => reading.value >= value)[0];
  if (passed !== undefined) return backUnder(metric, passed, steps);
  const next = high[0];
  const over = next === undefined ? null : steps.find(({ p50 }) => p50 >= next);
  if (over) return { words: t("sensor_page.over", { value: whole(metric, next) }), ...when(over.at, t("sensor_page.by_median")) };
  const most = steps.reduce((best, one) => (one.p50 > best.p50 ? one : best));
  return { words: t("sensor_page.most", { span: span(steps.at(-1).at - now()) }), value: bare(metric, most.p50), unit: unit(metric), under: t("sensor_page.most_at", { at: moment(most.at, now()) }) };
}

function backUnder(metric, limit, steps) {
  const words = t("sensor_page.back_under", { value: whole(metric, limit) });
  const first = (name) => steps.find((step) => step[name] < limit);
  const [early, likely, late] = ["p10", "p50", "p90"].map(first);
  if (!likely) return { words, value: "–", kind: "lo", under: t("sensor_page.not_before", { at: moment(steps.at(-1).at, now()) }) };
  const between = early && late ? t("sensor_page.eight_in_ten", { low: moment(early.at, now(), minute), high: moment(late.at, now(), minute) }) : t("sensor_page.by_median");
  return { words, ...when(likely.at, between) };
}

/** An instant as a figure: its hour, with the day under it when it is not today. */
function when(at, under) {
  const said = moment(at, now());
  const [hour] = said.split(", ").slice(-1);
  return { value: hour, under: said === hour ? under : `${said.slice(0, -hour.length - 2)}, ${under}` };
}

function received({ uplink }) {
  if (!uplink || uplink.ratio === null) return null;
  const longest = [...uplink.gaps].sort((a, b) => length(b) - length(a))[0];
  const under = longest ? t("sensor_page.one_gap", { span: span(length(longest)), at: farDay(Date.parse(longest.from)) }) : t("sensor_page.no_gap");
  return { words: t("sensor_page.received"), value: number(Math.min(1, uplink.ratio) * 100, 1), unit: "%", under };
}

/** How long a gap is; one that lasts ends now. */
const length = ({ from, until }) => (until ? Date.parse(until) : now()) - Date.parse(from);

function battery({ uplink, metrics }) {
  const found = uplink?.battery;
  if (!found || found.now === null || found.now === undefined) return null;
  const metric = metrics.get(found.metric);
  return { words: t("sensor_page.battery"), value: bare(metric, found.now), unit: unit(metric), under: found.ends ? t("sensor_page.likely_end", { at: endWords(Date.parse(found.ends.likely)) }) : t("sensor_page.no_end") };
}

/** The end of a battery as finely as it is known: a day when near, a month when far. */
export function endWords(at) {
  return at - now() < FAR_MS ? farDay(at) : monthYear(Math.max(at, now() - DAY_MS));
}
