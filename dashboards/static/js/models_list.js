/** All forecast metrics by family: who speaks, how well, what it costs; what asks for a look comes first. */

import { now } from "./api.js";
import { el, glyph } from "./element.js";
import { ago, number, percent } from "./formats.js";
import { capital, count, energyWords, gain, gravity, isTroubled, joined, markOf, metricWords, originBadges, promise, troubles } from "./model_words.js";
import { share, spark } from "./spark.js";
import { get } from "./url.js";
import { knows, t } from "./words.js";

const FAMILIES = ["energy", "air", "bin", "bay", "mobility", "health"];
const DAY_MS = 24 * 3_600_000;

/** The sentence of all models: the worst first; what was not scored yet is not praised. */
export function everyVerdict(items) {
  if (!items.length) return [t("models.verdict_none"), t("models.verdict_none_quiet")];
  const speaking = items.filter(({ champion }) => champion);
  if (!speaking.length) return [t("models.verdict_all_naive"), t("models.verdict_none_quiet")];
  const [troubled, sound, unscored] = [speaking.filter(isTroubled), speaking.filter((item) => !troubles(item).length).length, speaking.filter((item) => troubles(item).includes("unscored")).length];
  const told = (key, n) => (n ? t(`models.verdict_${key}`, { count: count(n), Count: capital(count(n)) }, n) : "");
  const rest = [told("unscored", unscored), told("naive", items.length - speaking.length)];
  if (!troubled.length) return sound ? [told("well", sound), rest.filter(Boolean).join(" ")] : [t("models.verdict_none_scored"), rest[1]];
  const names = joined(troubled.sort((a, b) => gravity(a) - gravity(b)).map(({ metric }) => metricWords(metric)));
  const what = t(`models.is_${troubles(troubled[0])[0]}`, {}, troubled.length);
  return [t("models.verdict_trouble", { names, what }), [told("others", sound), ...rest].filter(Boolean).join(" ")];
}

/** One table, a group of rows for each family; that with the gravest trouble first. */
export function familyTable(items) {
  const families = [...Map.groupBy(items, ({ family }) => family)].map(([family, rows]) => [family, rows.sort((a, b) => gravity(a) - gravity(b))]);
  families.sort(([a, one], [b, other]) => Number(isTroubled(other[0])) - Number(isTroubled(one[0])) || FAMILIES.indexOf(a) - FAMILIES.indexOf(b));
  const heads = [["metric"], ["gain", "num"], ["trend", "wide"], ["held"], ["by_naive", "wide"], ["fitted", "wide"]];
  const head = ([key, kind]) => el("th", { scope: "col", class: kind || null }, t(`models.${key}`));
  const group = ([family, rows]) => el("tbody", {}, el("tr", { class: "family" }, el("th", { scope: "rowgroup", colspan: heads.length }, t(`models.family_${family}`))), ...rows.map(row));
  return el("table", { class: "every" }, el("caption", { class: "vh" }, t("pages.modeles")), el("thead", {}, el("tr", {}, ...heads.map(head))), ...families.map(group));
}

/** The address of one metric's model, or of all; the commune of this address stays. */
export function placeOf(metric = "") {
  const query = new URLSearchParams([["commune", get("commune")], ["metric", metric]].filter(([, value]) => value));
  return `/modeles${query.size ? `?${query}` : ""}`;
}

function row(item) {
  const { metric, skill, coverage_90: held, champion, challenger, trend } = item;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("span", { class: "named" }, markOf(item), el("span", { class: "who" }, el("a", { href: placeOf(metric) }, metricWords(metric)), el("span", { class: "quiet" }, speaks(item)), ...originBadges(champion)))),
    el("td", { class: "num" }, el("span", { class: skill !== null && skill < 0 ? "t-watch strong" : "strong" }, gain(skill))),
    el("td", { class: "wide curve" }, spark(trend.filter(({ skill: one }) => one !== null).map(({ day, skill: one }) => [Date.parse(day), one]), { gap: 2 * DAY_MS, state: isTroubled(item) ? "watch" : "normal", floor: 0 })),
    el("td", {}, promise(held)),
    el("td", { class: "wide" }, naive(item)),
    el("td", { class: "wide" }, champion ? el("span", { class: "who" }, ago(Math.max(0, now() - Date.parse(champion.trained_at))), el("span", { class: "quiet" }, energyWords(champion))) : "–", challenger ? el("span", { class: "tag" }, t("models.challenged")) : null),
  );
}

/** What stands under the name: the trouble in words, else that all is well. */
function speaks(item) {
  const words = troubles(item).map((word) => t(`models.sub_${word}`));
  if (!words.length) return t("models.sub_well", { n: number(item.champion.series) }, item.champion.series);
  return el("span", { class: isTroubled(item) ? "t-watch" : "" }, capital(words.join(t("verdict.comma"))));
}

/** How often the naive spoke, and why it mostly does now. */
function naive({ naive_share: ratio, naive_why: why }) {
  const reason = why === null ? null : el("span", { class: "quiet" }, t(`fallback.${knows(`fallback.${why}`) ? why : "other"}`));
  return el("span", { class: "who" }, el("span", { class: "nb" }, ...(ratio === null ? ["–"] : [share(ratio), "\u00a0 ", percent(ratio)])), reason);
}

/** The sentence of one metric's model over the days that are looked at. */
export function oneVerdict({ item, days }, { skill, coverage_90: held }) {
  const metric = metricWords(item.metric);
  if (!item.champion) return [t("models.one_naive", { metric }), t("models.one_naive_quiet")];
  if (skill === null) return [t("models.one_unscored", { metric }), t("models.one_unscored_quiet")];
  const loud = t(skill < 0 ? "models.one_worse" : "models.one_better", { metric, share: percent(Math.abs(skill)), days });
  return [loud, [t("models.one_held", { share: number(held * 100) }), item.drifting ? t("models.one_drifts") : ""].filter(Boolean).join(" ")];
}

/** A list that could not be filled says what would. */
export const nothing = () => el("p", { class: "lede none" }, glyph("s-silent"), " ", t("models.none"));
