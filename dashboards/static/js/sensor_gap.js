/** Écart à l'attendu: how far the newest reading is from what was forecast of its step, and what made that forecast. */

import { now, read, Refusal } from "./api.js";
import { contributions, signed } from "./contributions.js";
import { el } from "./element.js";
import { moment, whole } from "./formats.js";
import { language, t } from "./words.js";

/** Explain the present step; false where nothing is forecast. */
export async function showGap({ box }, { series, reading: latest }) {
  const { metric } = series ?? {};
  if (!metric?.forecast_step_s || !latest) return false;
  // What nothing was expected of needs no question.
  const told = latest.expected && (await explanation(series.series_id, latest.observed_at));
  if (!told) {
    box.replaceChildren(el("p", { class: "lede small" }, t("sensor_page.no_explanation")));
    return undefined;
  }
  const away = latest.value - told.median;
  const said = { gap: signed(metric, away), at: moment(latest.at, now()), value: whole(metric, latest.value), median: whole(metric, told.median) };
  box.replaceChildren(el("p", { class: "lede small" }, t(metric.nature === "state" ? "sensor_page.gap_share" : "sensor_page.gap_said", said)), ...contributions(told, metric));
  return undefined;
}

/** Of the forecast that was known when the reading was taken; null where there was none. */
async function explanation(id, observed) {
  try {
    return await read(`/series/${id}/forecast/explanation`, { valid_at: observed, as_of: observed, language });
  } catch (error) {
    if (error instanceof Refusal && [404, 409, 422].includes(error.status)) return null;
    throw error;
  }
}
