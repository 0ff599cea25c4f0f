/** What makes a forecast less sure than its model, in words; beside it, never in place of it. */

import { el, glyph } from "./element.js";
import { span } from "./formats.js";
import { knows, t } from "./words.js";

// Fewer equal readings in a row are no proof that a sensor is stuck.
const STUCK_LEAST = 3;

/**
 * The sentences about a forecast: the recorded fallback with its reason, then each doubt.
 * @param {{fallback: string | null, doubts?: string[]}} forecast
 * @param {{at: number, value: number}[]} points what is drawn of the past
 */
export function doubtWords({ fallback, doubts = [] }, points, now) {
  const said = doubts.filter((doubt) => knows(`doubt.${doubt}`)).map((doubt) => el("span", { class: "doubt" }, glyph("s-suspect"), " ", sentence(doubt, points, now, fallback)));
  // Where a doubt is the reason of the fallback, its sentence says both.
  if (!fallback || doubts.includes(fallback)) return said;
  const why = knows(`fallback.${fallback}`) ? fallback : "other";
  return [el("span", { class: "fallback" }, t("fallback.label", { why: t(`fallback.${why}`) })), ...said];
}

function sentence(doubt, points, now, fallback) {
  // Stuck for less than what makes it fall silent: the model still speaks, from what came before.
  if (doubt === "stuck" && fallback === null) return t("doubt.stuck_lately");
  const since = doubt === "stuck" ? stuckSince(points) : null;
  return since === null ? t(`doubt.${doubt}`) : t("doubt.stuck_since", { span: span(now - since) });
}

/** Since when the newest readings are all the same; null where it began before what is drawn, or just now. */
export function stuckSince(points) {
  const last = points.at(-1)?.value;
  const before = points.findLastIndex(({ value }) => value !== last);
  return before < 0 || points.length - before - 1 < STUCK_LEAST ? null : points[before + 1].at;
}
