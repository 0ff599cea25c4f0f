/** Exporting what was measured: of a quantity, a sensor or a commune, over local days, as a file that the server writes. */

import { address, now } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el } from "./element.js";
import { fromField, toField } from "./paris.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
const FORMATS = ["csv-fr", "csv", "parquet"];
const GRAINS = ["raw", "hour", "day"];

const dayOf = (at) => toField(at).slice(0, 10);
const startOf = (day) => fromField(`${day}T00:00`);

/**
 * Ask what to export, and hand the file over.
 * @param {object} series the one whose chart is shown
 * @param {number} from where the chart starts
 */
export function askExport({ series_id: id, metric, row }, from) {
  const { sensor } = row;
  const scopes = {
    series: [t("export.one_series", { metric: t(`metric.${metric.metric}`), sensor: sensor.name }), { series: id }],
    sensor: [t("export.one_sensor", { sensor: sensor.name }), { sensor: sensor.external_id }],
    commune: [t("export.one_commune"), { commune: sensor.site.commune_insee }],
  };
  const select = (name, options) => el("select", { name }, ...options);
  const day = (name, at) => el("input", { type: "date", name, required: true, value: dayOf(at), max: dayOf(now()) });
  const until = day("until", now());
  const start = day("from", from);
  const check = () => until.setCustomValidity(until.value < start.value ? t("export.backwards") : "");
  start.addEventListener("input", check);
  until.addEventListener("input", check);
  return ask({
    title: t("export.title"),
    body: [
      line(t("export.scope"), select("scope", Object.entries(scopes).map(([name, [words]]) => option(name, words)))),
      line(t("export.from"), start),
      line(t("export.until"), until, t("export.until_hint")),
      line(t("export.by"), select("by", GRAINS.map((grain) => option(grain, t(`export.by_${grain}`))))),
      line(t("export.format"), select("format", FORMATS.map((format) => option(format, t(`export.format_${format.replace("-", "_")}`)))), t("export.format_hint")),
    ],
    label: t("export.act"),
    act: async (form) => fetchFile(scopes[form.get("scope")][1], form),
  });
}

/** The browser writes what flows to the disk: a year of a commune never stands in memory. */
function fetchFile(wanted, form) {
  const window = { from: startOf(form.get("from")), until: Math.min(startOf(dayOf(startOf(form.get("until")) + 1.5 * DAY_MS)), now()) };
  const asked = { ...wanted, by: form.get("by"), format: form.get("format") };
  for (const [name, at] of Object.entries(window)) asked[name] = new Date(at).toISOString();
  el("a", { href: address("/exports/readings", asked), download: "" }).click();
}
