/** What a chart says in words: when the forecast was issued, how sure it is, who spoke; its table; its message. */

import { whenWords } from "./chart_axis.js";
import { broken, isAhead, shownSteps } from "./chart_source.js";
import { doubtWords } from "./doubts.js";
import { number, bare, clock, measured, moment, percent, span, unit, whole } from "./formats.js";
import { glyph, el, svg } from "./element.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;
const TABLE_ROWS = 400;

/** One hour from now, or the first step there is after it. */
export const nextStep = (forecast, now) => forecast?.steps.find((step) => step.at >= now + HOUR_MS - forecast.step_s * 1000) ?? null;

/** The sentences under the chart. */
export function forecastWords({ metric, bars, points, forecast, ahead }, now) {
  // A sum is of what came; nobody looks for its forecast.
  if (!ahead || (bars && !forecast)) return [];
  if (!metric.forecast_step_s) return [el("span", {}, t("chart.not_forecast"))];
  if (!forecast) return [el("span", {}, t("chart.no_forecast"))];
  const step = nextStep(forecast, now);
  if (!step) return [el("span", { class: "t-watch" }, t("chart.past"))];
  const [low, high] = [metric.nature === "state" ? percent(step.p10) : bare(metric, step.p10), whole(metric, step.p90)];
  const key = metric.nature === "state" ? "chart.coverage_share" : "chart.coverage";
  const said = [el("strong", {}, t(key, { time: moment(step.at, now), value: whole(metric, step.p50), low, high }))];
  said.push(...doubtWords(forecast, points, now));
  const times = { issued: moment(Date.parse(forecast.issued_at), now), until: moment(Date.parse(forecast.history_until), now) };
  said.push(el("span", {}, t("chart.issued", times)));
  return said;
}

/** The legend: only what is drawn. */
export function legend(source, { naive, whatIf, now }) {
  const { step, ranged, points, doubtful, refused, bars, past, gap, grain } = source;
  const forecast = shownSteps(source, now).length > 0;
  const line = (role) => svg("path", { class: role, d: "M0 6h24" });
  const band = (role) => svg("path", { class: role, d: "M0 1h24v10H0z" });
  const key = (...drawn) => svg("svg", { class: "key", viewBox: "0 0 24 12", "aria-hidden": "true" }, ...drawn);
  const items = bars ? [[key(band("g-sum")), t(`chart.sum_by.${grain}`)]] : [[key(line("g-obs")), step ? t("chart.measured_mean", { step: span(step) }) : t("chart.measured")]];
  if (bars?.some(({ partial }) => partial)) items.push([key(band("g-part")), t("chart.partial")]);
  if (ranged) items.push([key(band("g-range")), t("chart.range")]);
  if (forecast || past.length) items.push([key(band("g-fan"), line("g-fc")), t(past.length ? "chart.fan_past" : "chart.fan")], [key(band("fan-faint")), t("chart.fan_wide")]);
  if (forecast) {
    if (naive) items.push([key(line("g-ref")), t("chart.naive_line")]);
    if (whatIf) items.push([key(line("g-if")), whatIf.words]);
  }
  if (broken(points, gap).holes.length) {
    items.push([key(svg("path", { class: "hatch", d: "M0 11 10 1M7 11 17 1M14 11 24 1" })), t("chart.gap")]);
  }
  if (doubtful.length) items.push([glyph("s-suspect"), t("chart.suspect")]);
  if (refused.length) items.push([glyph("s-refused"), t("chart.refused")]);
  return el("ul", { class: "legend" }, ...items.map(([drawn, name]) => el("li", {}, drawn, name)));
}

/** What the table tells of each row: its heading and the name of its value. */
function tableColumns({ step, ranged, bars, forecast }) {
  const measured = bars ? [[t("chart.sum"), "value"]] : [[t(step ? "chart.mean" : "chart.measured"), "value"]];
  if (ranged) measured.push([t("chart.low"), "low"], [t("chart.high"), "high"]);
  return forecast ? [...measured, ...["p10", "p50", "p90"].map((name) => [name, name]), [t("chart.naive"), "naive"]] : measured;
}

/** The newest rows as a table. */
export function dataTable(rows, source, { sensor, now }) {
  const { metric } = source;
  const shown = rows.slice(-TABLE_ROWS).reverse();
  const figure = (value) => el("td", { class: "num" }, value === undefined || value === null ? "" : bare(metric, value));
  const caption = t("chart.table_caption", { metric: t(`metric.${metric.metric}`), sensor, unit: unit(metric, { chart: true }) });
  const cut = rows.length > shown.length ? `. ${t("chart.table_cut", { n: number(shown.length) })}` : "";
  const columns = tableColumns(source);
  return el(
    "div",
    { class: "scroll table", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption + cut),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("chart.time")), ...columns.map(([head]) => el("th", { scope: "col", class: "num" }, head)))),
      el(
        "tbody",
        {},
        ...shown.map((row) =>
          el("tr", {}, el("th", { scope: "row" }, whenWords(row.at, source, now, clock)), ...columns.map(([, name]) => figure(row[name]))),
        ),
      ),
    ),
  );
}

/** The chart's message for who does not see it: what, from when to when, between which values, what is missing, what comes. */
export function message(source, sensor, now) {
  const { metric, points, gap, forecast, ahead, from, until } = source;
  const step = nextStep(forecast, now);
  const last = points.at(-1);
  const values = points.flatMap(({ value, low, high }) => [low ?? value, high ?? value]);
  const holes = broken(points, gap).holes;
  const expected = () => t("chart.coverage", { time: moment(step.at, now), value: whole(metric, step.p50), low: whole(metric, step.p10), high: whole(metric, step.p90) });
  return [
    t("chart.label", { metric: t(`metric.${metric.metric}`), sensor, window: windowWords(from, until ?? now, now) }),
    last ? t("chart.label_values", { low: whole(metric, Math.min(...values)), high: whole(metric, Math.max(...values)), value: metric.nature === "state" ? measured(metric, last.value) : whole(metric, last.value) }) : t("chart.no_readings"),
    holes.length ? t("chart.label_gaps", { n: number(holes.length) }, holes.length) : "",
    step ? expected() : ahead && metric.forecast_step_s ? t("chart.no_forecast") : "",
  ].filter(Boolean).join(" ");
}

/** From when to when, in words. */
export const windowWords = (from, until, now) => t("chart.window", { from: moment(from, now), until: moment(until, now) });

/** The title of a chart: the period and how far it looks ahead, or the stretch that was zoomed into. */
export function titleWords({ period, zoom, metric, span: length }, now) {
  if (zoom) return t("chart.title_zoom", { from: moment(zoom.from, now), until: moment(zoom.until, now) });
  const past = t(`chart.title.${period}`);
  return metric.forecast_step_s && isAhead(metric, length) ? t("chart.title_ahead", { past, span: span(metric.forecast_horizon_s * 1000) }) : past;
}
