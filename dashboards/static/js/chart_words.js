/** What a chart says in words: when the forecast was issued, how sure it is, who spoke; its table; its message. */

import { number, bare, clock, measured, moment, percent, span, unit, whole } from "./formats.js";
import { glyph, el, svg } from "./element.js";
import { knows, t } from "./words.js";

const HOUR_MS = 3_600_000;
const TABLE_ROWS = 400;

/** One hour from now, or the first step there is after it. */
export const nextStep = (forecast, now) => forecast?.steps.find((step) => step.at >= now + HOUR_MS - forecast.step_s * 1000) ?? null;

/** The sentences under the chart. */
export function forecastWords({ metric, forecast }, now) {
  if (!metric.forecast_step_s) return [el("span", {}, t("chart.not_forecast"))];
  if (!forecast) return [el("span", {}, t("chart.no_forecast"))];
  const step = nextStep(forecast, now);
  if (!step) return [el("span", { class: "t-watch" }, t("chart.past"))];
  const [low, high] = [metric.nature === "state" ? percent(step.p10) : bare(metric, step.p10), whole(metric, step.p90)];
  const key = metric.nature === "state" ? "chart.coverage_share" : "chart.coverage";
  const said = [el("strong", {}, t(key, { time: moment(step.at, now), value: whole(metric, step.p50), low, high }))];
  if (forecast.fallback) {
    const why = knows(`fallback.${forecast.fallback}`) ? forecast.fallback : "other";
    said.push(el("span", { class: "fallback" }, t("fallback.label", { why: t(`fallback.${why}`) })));
  }
  const times = { issued: moment(Date.parse(forecast.issued_at), now), until: moment(Date.parse(forecast.history_until), now) };
  said.push(el("span", {}, t("chart.issued", times)));
  return said;
}

/** The legend: only what is drawn. */
export function legend({ metric, points, forecast, minutes, gap }, naive) {
  const line = (role) => svg("path", { class: role, d: "M0 6h24" });
  const band = (role) => svg("path", { class: role, d: "M0 1h24v10H0z" });
  const key = (...drawn) => svg("svg", { class: "key", viewBox: "0 0 24 12", "aria-hidden": "true" }, ...drawn);
  const mean = minutes && (minutes < 60 ? t("chart.step_minutes", { n: minutes }) : t("chart.step_hours", { n: minutes / 60 }));
  const items = [[key(line("g-obs")), mean && minutes * 60 > metric.step_s ? t("chart.measured_mean", { step: mean }) : t("chart.measured")]];
  if (forecast) {
    items.push([key(band("g-fan"), line("g-fc")), t("chart.fan")], [key(band("fan-faint")), t("chart.fan_wide")]);
    if (naive) items.push([key(line("g-ref")), t("chart.naive_line")]);
  }
  if (points.some((point, place) => place && point.at - points[place - 1].at > gap)) {
    items.push([key(svg("path", { class: "hatch", d: "M0 11 10 1M7 11 17 1M14 11 24 1" })), t("chart.gap")]);
  }
  if (points.some(({ quality }) => quality)) items.push([glyph("s-suspect"), t("chart.suspect")]);
  return el("ul", { class: "legend" }, ...items.map(([drawn, name]) => el("li", {}, drawn, name)));
}

/** The newest rows as a table. */
export function dataTable(rows, { metric, sensor, now }) {
  const shown = rows.slice(-TABLE_ROWS).reverse();
  const figure = (value) => el("td", { class: "num" }, value === undefined || value === null ? "" : bare(metric, value));
  const caption = t("chart.table_caption", { metric: t(`metric.${metric.metric}`), sensor, unit: unit(metric, { chart: true }) });
  const cut = rows.length > shown.length ? ` ${t("chart.table_cut", { n: number(shown.length) })}` : "";
  const heads = [t("chart.measured"), "p10", "p50", "p90", t("chart.naive")];
  return el(
    "div",
    { class: "scroll table", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption + cut),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("chart.time")), ...heads.map((head) => el("th", { scope: "col", class: "num" }, head)))),
      el(
        "tbody",
        {},
        ...shown.map((row) =>
          el("tr", {}, el("th", { scope: "row" }, moment(row.at, now, clock)), figure(row.value), figure(row.p10), figure(row.p50), figure(row.p90), figure(row.naive)),
        ),
      ),
    ),
  );
}

/** The chart's message for who does not see it. */
export function message({ metric, points, forecast, from }, sensor, now) {
  const step = nextStep(forecast, now);
  const last = points.at(-1);
  return t("chart.label", {
    metric: t(`metric.${metric.metric}`),
    sensor,
    count: number(points.length),
    period: span(now - from),
    value: last ? measured(metric, last.value) : "–",
    forecast: step ? t("chart.coverage", { time: moment(step.at, now), value: whole(metric, step.p50), low: whole(metric, step.p10), high: whole(metric, step.p90) }) : t("chart.no_forecast"),
  });
}
