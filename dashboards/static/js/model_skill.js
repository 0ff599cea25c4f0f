/** How much better than the naive forecast a model is: by lead time and by kind of hour, as a chart and as a table. */

import { download, sheet } from "./csv.js";
import { el, svg } from "./element.js";
import { label, path, plot, WIDTH } from "./energie_plot.js";
import { number, percent, unit, whole } from "./formats.js";
import { gain } from "./model_words.js";
import { table } from "./table.js";
import { t } from "./words.js";

/** Hours at which a bucket of lead times starts. */
const LEADS_H = [0, 1, 3, 6, 12, 24, 48, 96];
const HEIGHT = 200;

/** Read and draw the view; return its figure. */
export async function showSkill(about, part) {
  const [leads, regimes] = await Promise.all([about.scores("lead"), about.scores("regime")]);
  const all = overall(regimes);
  part("leads").replaceChildren(...(all.steps ? [leadPlot(leads), scoreTable(t("models.lead"), leads, leadWords, about.metric)] : [unscored()]));
  offerCsv(part("leads"), about, leads, "lead", leadWords);
  offerCsv(part("regimes"), about, regimes, "regime", regimeWords);
  part("regimes").replaceChildren(all.steps ? scoreTable(t("models.regime"), regimes, regimeWords, about.metric) : unscored());
  return all.skill === null ? { value: "–", under: t("models.sub_unscored") } : { value: number(all.skill * 100), unit: "%", under: t("models.on_naive", { days: about.days }) };
}

/** All rows of one grouping as one: means weighted by their steps. */
export function overall(rows) {
  const steps = rows.reduce((sum, row) => sum + row.steps, 0);
  const mean = (name) => (steps ? rows.reduce((sum, row) => sum + (row[name] ?? 0) * row.steps, 0) / steps : null);
  const [loss, naive] = [mean("pinball"), mean("pinball_naive")];
  return { steps, skill: naive ? 1 - loss / naive : null, coverage_80: mean("coverage_80"), coverage_90: mean("coverage_90") };
}

const COLUMNS = ["series", "steps", "skill", "pinball", "pinball_naive", "absolute_error", "absolute_error_naive", "coverage_80", "coverage_90"];

const UNDER = ["under_p05", "under_p10", "under_p25", "under_p50", "under_p75", "under_p90", "under_p95"];

/** The figures of one grouping as a file, one click from their table. */
export function offerCsv(box, { item, days }, rows, by, name) {
  const save = () => download(sheet([by, ...COLUMNS, ...UNDER], rows.map((row) => [name(row), ...COLUMNS.map((column) => row[column]), ...row.reliability])), `vigie-scores-${item.metric}-${by}-${days}d.csv`);
  box.closest("section").querySelector("[data-links]").replaceChildren(rows.length ? el("button", { type: "button", title: t("chart.csv_hint"), onclick: save }, t("chart.csv")) : "");
}

export const unscored = () => el("p", { class: "lede none" }, t("models.none_scored"));

/** `3 à 6 h`; the last bucket has no end. */
export function leadWords({ key }) {
  const next = LEADS_H[LEADS_H.indexOf(Number(key)) + 1];
  return next === undefined ? t("models.lead_from", { from: key }) : t("models.lead_between", { from: key, until: next });
}

export const regimeWords = ({ key }) => t(`models.regime_${key}`);

function scoreTable(title, rows, name, metric) {
  const heads = [[title], [t("models.gain"), "num"], [t("models.loss"), "num"], [t("models.loss_naive"), "num"], [t("models.error"), "num wide"], [t("models.error_naive"), "num wide"]];
  const figures = ["pinball", "pinball_naive", "absolute_error", "absolute_error_naive"];
  const cells = (row) => figures.map((figure, place) => el("td", { class: place < 2 ? "num" : "num wide" }, row[figure] === null ? "–" : whole(metric, row[figure])));
  const drawn = rows.map((row) => el("tr", {}, el("th", { scope: "row" }, name(row)), el("td", { class: row.skill < 0 ? "num strong t-watch" : "num strong" }, gain(row.skill)), ...cells(row)));
  return el("div", { class: "scroll" }, table(`${title}, ${unit(metric)}`, heads, drawn));
}

/** A bar for each stretch of lead times, upwards from the naive forecast's line. */
function leadPlot(rows) {
  const shown = rows.filter(({ skill }) => skill !== null);
  const top = Math.max(0.1, ...shown.map(({ skill }) => skill)) * 1.2;
  const bottom = Math.min(0, ...shown.map(({ skill }) => skill)) * 1.4;
  const y = (skill) => (HEIGHT * (top - skill)) / (top - bottom);
  const width = WIDTH / shown.length;
  const bar = ({ skill }, place) =>
    svg("rect", { class: skill < 0 ? "g-bad" : "g-bar", x: width * (place + 0.3), width: width * 0.4, y: Math.min(y(skill), y(0)), height: Math.max(1, Math.abs(y(skill) - y(0))) });
  const low = (skill) => 1 - y(skill) / HEIGHT;
  const said = (row, place) => label("lb c", gain(row.skill), { left: (place + 0.5) / shown.length, bottom: low(Math.max(0, row.skill)) + 0.05 });
  const under = (row, place) => label("tx", leadWords(row), { left: (place + 0.5) / shown.length });
  const words = t("models.leads_label", { told: shown.map((row) => `${leadWords(row)} ${percent(row.skill)}`).join(", ") });
  const drawn = plot(words, HEIGHT, [...shown.map(bar), path("g-ref", `M0 ${y(0)}H${WIDTH}`)], [...shown.map(said), ...shown.map(under)], "leads");
  const key = (role, d) => svg("svg", { class: "key", viewBox: "0 0 24 12", "aria-hidden": "true" }, path(role, d));
  const legend = el("ul", { class: "legend" }, el("li", {}, key("g-bar", "M7 1h10v10H7z"), t("models.gain_line")), el("li", {}, key("g-ref", "M0 6h24"), t("models.naive_line")));
  return el("figure", { class: "fig" }, drawn, legend);
}
