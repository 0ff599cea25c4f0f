/** A map's message, for who does not see it: how many sensors, and which are not well. */

import { number } from "./formats.js";
import { STATES } from "./map_points.js";
import { t } from "./words.js";

/** @param {string | null} commune its name, null where all communes are shown @param {object} scene what is shown */
export function message(commune, { points, marks, communes }) {
  const counts = points.counts();
  const n = points.all.length;
  const told = STATES.filter((state) => state !== "normal" && counts[state]).map((state) => t(`map.told.${state}`, { n: number(counts[state]) }, counts[state]));
  const sensors = n ? t("map.sensors", { count: number(n) }, n) : "";
  const worst = told.length ? t("map.among", { states: listed(told) }) : n ? t("map.well") : "";
  const place = commune ? t("map.of", { commune }) : t("map.of_all", { n: communes.length });
  const marked = marks.length ? t("map.marked", { n: marks.length }) : "";
  return [`${place}${t("map.colon")}${[sensors + worst, marked].filter(Boolean).join(" ; ") || t("map.no_sensor")}.`, points.unplaced ? t("map.unplaced", { n: points.unplaced }) : "", t("map.beside")].filter(Boolean).join(" ");
}

const listed = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")}${t("map.and")}${parts.at(-1)}` : parts[0]);
