/** What a chart says in words: when the forecast was issued, how sure it is, who spoke; its table; its message. */

import { whenWords } from "./chart_axis.js";
import { broken } from "./chart_source.js";
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
export function legend({ step, ranged, points, doubtful, bars, forecast, gap, grain }, { naive, whatIf }) {
  const line = (role) => svg("path", { class: role, d: "M0 6h24" });
  const band = (role) => svg("path", { class: role, d: "M0 1h24v10H0z" });
  const key = (...drawn) => svg("svg", { class: "key", viewBox: "0 0 24 12", "aria-hidden": "true" }, ...drawn);
  const items = bars ? [[key(band("g-sum")), t(`chart.sum_by.${grain}`)]] : [[key(line("g-obs")), step ? t("chart.measured_mean", { step: span(step) }) : t("chart.measured")]];
  if (bars?.some(({ partial }) => partial)) items.push([key(band("g-part")), t("chart.partial")]);
  if (ranged) items.push([key(band("g-range")), t("chart.range")]);
  if (forecast) {
    items.push([key(band("g-fan"), line("g-fc")), t("chart.fan")], [key(band("fan-faint")), t("chart.fan_wide")]);
    if (naive) items.push([key(line("g-ref")), t("chart.naive_line")]);
    if (whatIf) items.push([key(line("g-if")), whatIf.words]);
  }
  if (broken(points, gap).holes.length) {
    items.push([key(svg("path", { class: "hatch", d: "M0 11 10 1M7 11 17 1M14 11 24 1" })), t("chart.gap")]);
  }
  if (doubtful.length) items.push([glyph("s-suspect"), t("chart.suspect")]);
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

/** The chart's message for who does not see it. */
export function message({ metric, points, forecast, ahead, from }, sensor, now) {
  const step = nextStep(forecast, now);
  const last = points.at(-1);
  return t("chart.label", {
    metric: t(`metric.${metric.metric}`),
    sensor,
    count: number(points.length),
    period: span(now - from),
    value: last ? measured(metric, last.value) : "–",
    forecast: step ? t("chart.coverage", { time: moment(step.at, now), value: whole(metric, step.p50), low: whole(metric, step.p10), high: whole(metric, step.p90) }) : ahead ? t("chart.no_forecast") : "",
  });
}
