/** What pushes a forecast up or down, as bars. */

import { el } from "./element.js";
import { whole } from "./formats.js";
import { t } from "./words.js";

/** What pushes a median up or down from what is usual, as bars, and what stays unexplained. */
export function contributions({ start, median, pushes, rest }, metric) {
  const most = Math.max(...pushes.map(({ push }) => Math.abs(push)), 0);
  const shown = [...pushes].sort((a, b) => Math.abs(b.push) - Math.abs(a.push)).filter(({ push }) => !isNothing(metric, push));
  const end = (words, value) => [el("span", { class: "quiet" }, words), el("span", { class: "w" }), el("span", { class: "num" }, whole(metric, value))];
  const bars = [...end(t("explain.start"), start), ...shown.flatMap((push) => pushBar(push, most, metric)), ...end(t("explain.median"), median)];
  return [
    shown.length ? el("div", { class: "contrib", role: "group", "aria-label": t("explain.bars") }, ...bars) : null,
    isNothing(metric, rest) ? null : el("p", { class: "small quiet" }, t("explain.rest", { rest: signed(metric, rest) })),
  ].filter(Boolean);
}

function pushBar({ label, push }, most, metric) {
  const bar = el("i", { class: push < 0 ? "neg" : null });
  bar.style.left = `${push < 0 ? 50 - (50 * -push) / most : 50}%`;
  bar.style.width = `${(50 * Math.abs(push)) / most}%`;
  return [el("span", {}, label), el("span", { class: "w", "aria-hidden": "true" }, bar), el("span", { class: "num" }, signed(metric, push))];
}

/** Whether a push is too small to be written. */
const isNothing = (metric, value) => whole(metric, Math.abs(value)) === whole(metric, 0);

/** `+150 ppm`, `−60 ppm`. */
export const signed = (metric, value) => (value > 0 ? "+" : "") + whole(metric, value);
