/** What was expected of a reading, in words. */

import { percent, range } from "./formats.js";
import { t } from "./words.js";

/** The expected range of a row: `attendu 900 à 1 250 ppm`. */
export function expectedWords(metric, expected) {
  if (!metric.forecast_step_s) return t("list.not_forecast");
  if (!expected) return t("list.no_expected");
  if (metric.nature === "state") return t("list.expected_share", { share: percent(expected.p50) });
  return t("list.expected", { range: range(metric, expected.p05, expected.p95) });
}

/** What is remarkable about a reading, "" when nothing is. */
export function remark({ quality, value, expected }) {
  if (quality) return t("ticker.suspect");
  if (expected && value > expected.p95) return t("ticker.above");
  return expected && value < expected.p05 ? t("ticker.below") : "";
}
