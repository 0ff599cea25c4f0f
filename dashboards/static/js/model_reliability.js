/** Whether a model keeps its promise: how often the truth lay where it was said to lie, against how often that was promised. */

import { el } from "./element.js";
import { label, path, plot, WIDTH } from "./energie_plot.js";
import { number, percent } from "./formats.js";
import { leadWords, offerCsv, overall, regimeWords, unscored } from "./model_skill.js";
import { promise, PROMISED } from "./model_words.js";
import { table } from "./table.js";
import { t } from "./words.js";

const NARROW = 0.8;
const LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
const HEIGHT = 400;

/** Read and draw the view; return its figure. */
export async function showReliability(about, part) {
  const [leads, regimes] = await Promise.all([about.scores("lead"), about.scores("regime")]);
  const all = overall(regimes);
  const whole = { ...all, name: t("models.all_hours") };
  const [told, named] = [regimes.map((row) => ({ ...row, name: regimeWords(row) })), leads.map((row) => ({ ...row, name: leadWords(row) }))];
  part("promises").replaceChildren(...(all.steps ? [diagram(regimes, all.steps), held(t("models.regime"), [whole, ...told])] : [unscored()]));
  part("leads_held").replaceChildren(all.steps ? held(t("models.lead"), named) : unscored());
  offerCsv(part("promises"), about, regimes, "regime", regimeWords);
  offerCsv(part("leads_held"), about, leads, "lead", leadWords);
  if (all.coverage_90 === null) return { value: "–", under: t("models.sub_unscored") };
  return { value: number(all.coverage_90 * 100), unit: "%", under: t("models.promised", { share: number(PROMISED * 100) }) };
}

/** How many truths lay under each quantile, against how many were promised: on the dashed line, as promised. */
function diagram(rows, steps) {
  const seen = LEVELS.map((_, level) => rows.reduce((sum, row) => sum + row.reliability[level] * row.steps, 0) / steps);
  const [x, y] = [(share) => share * WIDTH, (share) => HEIGHT * (1 - share)];
  const line = seen.map((share, level) => `${level ? "L" : "M"}${x(LEVELS[level])} ${y(share)}`).join("");
  const dots = seen.map((share, level) => path("g-dot", `M${x(LEVELS[level])} ${y(share)}h0`));
  const marks = [0, 0.5, 1];
  const grid = marks.map((share) => path("g-grid", `M0 ${y(share)}H${WIDTH}M${x(share)} 0V${HEIGHT}`));
  const told = seen.map((share, level) => `${percent(LEVELS[level])} ${percent(share)}`).join(", ");
  const axes = marks.flatMap((share) => [label("ty", percent(share), { bottom: share }), label(`tx${share === 1 ? " z" : share ? "" : " a"}`, percent(share), { left: share })]);
  const names = [label("lb", t("models.seen_axis"), { left: 0.02, bottom: 0.93 }), label("lb e", t("models.promised_axis"), { left: 0.98, bottom: 0.05 })];
  const drawn = plot(t("models.diagram_label", { told }), HEIGHT, [...grid, path("g-ref", `M0 ${HEIGHT}L${WIDTH} 0`), path("g-obs", line), ...dots], [...axes, ...names], "diagram");
  return el("figure", { class: "fig" }, drawn);
}

function held(title, rows) {
  const heads = [[title], [t("models.in_80"), "wide"], [t("models.in_90")], [t("models.steps"), "num wide"]];
  const row = ({ name, steps, coverage_80: narrow, coverage_90: wide }) =>
    el("tr", {}, el("th", { scope: "row", class: "nb" }, name), el("td", { class: "wide" }, promise(narrow, NARROW)), el("td", {}, promise(wide)), el("td", { class: "num wide quiet" }, number(steps)));
  return el("div", { class: "scroll" }, table(title, heads, rows.map(row)));
}
