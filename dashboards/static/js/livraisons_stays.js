/** Stays: their lengths beside the rule, where the rule is exceeded, and what another rule would have given. */

import { el, svg } from "./element.js";
import { number, percent } from "./formats.js";
import { t } from "./words.js";

const [WIDTH, HEIGHT] = [1000, 300];
const SHOWN_MIN = 90;
const TICKS_MIN = [0, 15, 30, 45, 60, 75, 90];

/** A bay's lengths of stay: bars of five minutes up to an hour and a half, the rule, the share beyond it. */
export function dwellFigure(bay, edges) {
  const bars = bay.histogram.map((count, place) => ({ count, from: edges[place], until: edges[place + 1] }));
  const shown = bars.filter(({ until }) => until <= SHOWN_MIN);
  const most = Math.max(0, ...shown.map(({ count }) => count ?? 0));
  if (!most) return [el("p", { class: "lede none" }, t("livraisons.dwell_none"))];
  const label = t("livraisons.dwell_label", { bay: bay.name, max: bay.max_stay_min });
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("path", { class: "g-axis", d: `M0 ${HEIGHT}H${WIDTH}` }),
    ...shown.filter(({ count }) => count).map((bar) => drawnBar(bar, most, bay.max_stay_min)),
    svg("path", { class: "g-limit", d: `M${x(bay.max_stay_min)} 0V${HEIGHT}` }),
  );
  const ticks = TICKS_MIN.map((minutes) => placed("tx", String(minutes), { left: minutes / SHOWN_MIN }));
  const limit = placed("lb alarm", t("livraisons.limit", { n: bay.max_stay_min }), { left: bay.max_stay_min / SHOWN_MIN + 0.01, bottom: 0.9 });
  const over = bay.over_ratio === null ? null : placed("lb strong", t("livraisons.over_share", { share: percent(bay.over_ratio) }), { left: 0.5, bottom: 0.6 });
  const plot = el("div", { class: "plot" }, drawing, ...ticks, limit, over);
  return [el("figure", { class: "fig dwell" }, plot, histogram(bars))];
}

const x = (minutes) => ((minutes / SHOWN_MIN) * WIDTH).toFixed(1);

function drawnBar({ count, from, until }, most, limit) {
  const top = (HEIGHT * (1 - count / most)).toFixed(1);
  return svg("path", { class: from >= limit ? "g-barover" : "g-bar", d: `M${Number(x(from)) + 4} ${HEIGHT}H${Number(x(until)) - 4}V${top}H${Number(x(from)) + 4}Z` });
}

function placed(kind, text, { left, bottom }) {
  const node = el("span", { class: kind }, text);
  node.style.left = `${left * 100}%`;
  if (bottom !== undefined) node.style.bottom = `${bottom * 100}%`;
  return node;
}

function histogram(bars) {
  const row = ({ count, from, until }) =>
    el("tr", {}, el("td", { class: "num" }, number(from)), el("td", { class: "num" }, number(until)), el("td", { class: "num" }, count === null ? t("livraisons.not_published") : number(count)));
  return el("details", {}, el("summary", {}, t("livraisons.histogram")), table(t("livraisons.dwell"), ["from", "until", "count_stays"], bars.map(row), 0));
}

/** Where the rule is exceeded most. */
export function overTable(bays) {
  const judged = bays.filter(({ over_ratio: share }) => share !== null).sort((a, b) => b.over_ratio - a.over_ratio).slice(0, 8);
  if (!judged.length) return [el("p", { class: "lede none" }, t("livraisons.unpublished"))];
  const row = (bay) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, bay.name),
      el("td", { class: "num" }, el("strong", {}, percent(bay.over_ratio))),
      el("td", { class: "num" }, bay.over_median_min === null ? "–" : t("livraisons.minutes", { n: number(bay.over_median_min) })),
      el("td", { class: "num" }, percent(bay.leech_ratio)),
    );
  return [table(t("livraisons.over_caption"), ["bay", "exceeds", "excess", "leech"], judged.map(row), 1), el("p", { class: "small quiet" }, t("livraisons.leech_hint"))];
}

/** The looked at bay's past stays, replayed under other rules. */
export function ruleTable(rules) {
  if (!rules?.rows.length) return [el("p", { class: "lede none" }, t("livraisons.rules_none"))];
  const row = (one) => {
    const present = one.max_stay_min === rules.max_stay_min;
    const name = el("th", { scope: "row" }, t("livraisons.minutes", { n: one.max_stay_min }), present ? el("span", { class: "quiet" }, ` ${t("livraisons.present")}`) : null);
    return el("tr", present ? { "aria-current": "true" } : {}, name, el("td", { class: "num" }, percent(one.over_ratio)), el("td", { class: "num" }, percent(one.refused_ratio, 1)));
  };
  const caption = t("livraisons.rules_caption", { bay: rules.name, n: number(rules.rows[0].arrivals), share: percent(rules.followers_ratio) });
  return [table(caption, ["rule", "overs", "refused"], rules.rows.map(row), 1, false), el("p", { class: "small quiet" }, t("livraisons.rules_note"))];
}

function table(caption, heads, rows, names, hidden = true) {
  const head = (name, place) => el("th", { scope: "col", class: place >= names ? "num" : null }, t(`livraisons.${name}`));
  return el("table", {}, el("caption", { class: hidden ? "vh" : null }, caption), el("thead", {}, el("tr", {}, ...heads.map(head))), el("tbody", {}, ...rows));
}
