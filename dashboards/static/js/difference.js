/** What an act changed, as a difference: what was, what is; what stayed goes unsaid. */

import { el } from "./element.js";
import { t } from "./words.js";

const KEYS_MAX = 60;

/**
 * The fields that differ, by their path.
 * @param {unknown} before @param {unknown} after null where there was, or is, nothing
 * @returns {[path: string, was: unknown, is: unknown][]} `undefined` for what is absent
 */
export function differences(before, after, path = "") {
  if (isObject(before) || isObject(after)) {
    const [was, is] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
    return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((key) => differences(was[key], is[key], path ? `${path}.${key}` : key));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [[path, before, after]];
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The difference, drawn: the old struck out, the new beside it. */
export function differenceOf(before, after) {
  const rows = differences(before, after);
  if (!rows.length) return el("p", { class: "quiet small" }, t("audit.nothing_changed"));
  const line = ([path, was, is]) => [
    el("dt", {}, path),
    el("dd", {}, was === undefined ? "" : el("del", {}, text(was)), was === undefined || is === undefined ? "" : " → ", is === undefined ? "" : el("ins", {}, text(is))),
  ];
  const rest = rows.length - KEYS_MAX;
  return el("div", {}, el("dl", { class: "changed" }, ...rows.slice(0, KEYS_MAX).flatMap(line)), rest > 0 && el("p", { class: "small quiet" }, t("audit.more_fields", { n: rest })));
}

function text(value) {
  if (value === null) return t("audit.none");
  return typeof value === "string" ? value : JSON.stringify(value);
}
