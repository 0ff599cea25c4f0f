/** Where a model does well and where it does not: small and large communes side by side, each commune, each series. */

import { read } from "./api.js";
import { el, glyph } from "./element.js";
import { number, percent } from "./formats.js";
import { offerCsv, unscored } from "./model_skill.js";
import { gain, promise } from "./model_words.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CUT = 15;
// Closer than this, groups of communes are served alike.
const ALIKE = 0.05;
const WIDEST = 1;

/** Read and draw the view; return its figure. */
export async function showPlaces(about, part) {
  const asked = read("/scores/fairness", { metric: about.item.metric, days: about.days });
  const [communes, series, { items: groups }] = await Promise.all([about.scores("commune"), about.scores("series"), asked]);
  const worst = (rows) => [...rows].sort((a, b) => (a.skill ?? Infinity) - (b.skill ?? Infinity));
  part("fairness").replaceChildren(...(groups.length ? fairness(groups) : [unscored()]));
  part("communes").replaceChildren(communes.length ? places(t("models.commune"), worst(communes), ({ label }) => label) : unscored());
  part("series").replaceChildren(series.length ? places(t("models.series"), worst(series), seriesLink) : unscored());
  offerCsv(part("communes"), about, communes, "commune", ({ label }) => label);
  offerCsv(part("series"), about, series, "series", ({ label }) => label);
  const judged = series.filter(({ skill }) => skill !== null);
  const losing = judged.filter(({ skill }) => skill < 0).length;
  const under = losing ? t("models.losing", { n: number(losing) }, losing) : t(judged.length ? "models.none_losing" : "models.sub_unscored");
  return { value: number(series.length), mark: losing ? glyph("s-watch") : null, under };
}

/** The series' chart; where the naive spoke for it, how often. */
const seriesLink = ({ key, label, naive_share: naive }) =>
  el("span", { class: "who" }, el("a", { href: `/capteur?${new URLSearchParams({ series: key })}` }, label), naive ? el("span", { class: "quiet" }, t("models.naive_spoke", { share: percent(naive) })) : null);

function places(title, rows, name) {
  const heads = [[title], [t("models.gain"), "num"], [""], [t("models.in_90"), "wide"], [t("models.steps"), "num wide"]];
  const row = (one) =>
    el("tr", {}, el("th", { scope: "row", class: "wrap" }, name(one)), el("td", { class: one.skill < 0 ? "num strong t-watch" : "num strong" }, gain(one.skill)), el("td", { class: "leans" }, lean(one.skill)), el("td", { class: "wide" }, promise(one.coverage_90)), el("td", { class: "num wide quiet" }, number(one.steps)));
  return el("div", { class: "scroll" }, table(title, heads, rows.map(row), { cut: CUT }));
}

/** A gain as a bar from the naive forecast's line: to the right better, to the left worse. */
function lean(skill) {
  const bar = el("i", { class: skill < 0 ? "off" : null });
  const size = Math.min(Math.abs(skill ?? 0), WIDEST / 2);
  bar.style.left = `${(skill < 0 ? 0.5 - size : 0.5) * 100}%`;
  bar.style.width = `${size * 100}%`;
  return el("span", { class: "lean", "aria-hidden": "true" }, bar);
}

/** What the groups are, and in one sentence whether they are served alike. */
function fairness(groups) {
  const told = groups.filter(({ skill }) => skill !== null);
  const heads = [[t("models.group")], [t("models.communes"), "num wide"], [t("models.series_count"), "num wide"], [t("models.gain"), "num"], ["", "wide"], [t("models.held")]];
  const row = ({ group, population_max: most, communes, series, skill, coverage_90: held }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "who" }, t(`models.group_${group}`), el("span", { class: "quiet" }, most === null ? "" : t("models.up_to", { n: number(most) })))),
      el("td", { class: "num wide" }, number(communes)),
      el("td", { class: "num wide" }, number(series)),
      el("td", { class: "num strong" }, gain(skill)),
      el("td", { class: "leans wide" }, lean(skill)),
      el("td", {}, promise(held)),
    );
  return [el("p", { class: "says" }, fairWords(told)), el("div", { class: "scroll" }, table(t("models.title_fairness"), heads, groups.map(row)))];
}

function fairWords(told) {
  const [small, large] = ["small", "large"].map((name) => told.find(({ group }) => group === name));
  if (!small || !large) return t("models.fair_unknown");
  const values = { small: percent(small.skill), large: percent(large.skill) };
  if (Math.abs(small.skill - large.skill) <= ALIKE) return t("models.fair_alike", values);
  return t(small.skill < large.skill ? "models.fair_small_less" : "models.fair_large_less", values);
}
