/** Ce capteur: what it is, where it stands, how it is set, and what a person may do with it; its label to print. */

import { now, read, readAll } from "./api.js";
import { el } from "./element.js";
import { farDay, longDay, number, span } from "./formats.js";
import { may } from "./rights.js";
import { actsOf, askAct } from "./sensor_acts.js";
import { showLabel } from "./sensor_label.js";
import { t } from "./words.js";

/** Say what the sensor is. */
export async function showIdentity({ box, links }, about) {
  const { sensor, series } = about;
  const [models, calibrations] = await Promise.all([read("/device-models"), series ? read(`/series/${series.series_id}/calibrations`) : { items: [] }]);
  const model = models.items.find(({ model: name }) => name === sensor.model);
  links.replaceChildren(el("button", { type: "button", onclick: () => showLabel(sensor) }, t("sensor_page.label_open")));
  const facts = [
    [t("sensor.identifier"), el("code", {}, sensor.external_id)],
    [t("sensor.kind"), t(`kind_one.${sensor.kind}`)],
    [t("sensor.model"), model ? `${model.maker} ${model.title}` : sensor.model ?? t("sensor.no_model")],
    [t("sensor.interval"), sensor.interval_s ? span(sensor.interval_s * 1000) : t("sensor_page.interval_unknown")],
    [t("sensor_page.site"), sensor.site.name],
    [t("sensor_page.adopted"), longDay(Date.parse(sensor.adopted_at))],
    sensor.retired_at ? [t("sensor_page.retired_on"), longDay(Date.parse(sensor.retired_at))] : null,
    series ? [t("sensor_page.calibration"), calibrationWords(calibrations.items, series.metric)] : null,
  ].filter(Boolean);
  box.replaceChildren(el("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])), acts(about, models.items));
}

function calibrationWords(items, metric) {
  const held = items.filter(({ valid_from: from }) => Date.parse(from) <= now()).sort((a, b) => Date.parse(b.valid_from) - Date.parse(a.valid_from) || Date.parse(b.set_at) - Date.parse(a.set_at))[0];
  if (!held) return t("sensor_page.not_calibrated", { metric: t(`metric.${metric.metric}`) });
  const shift = `${held.shift > 0 ? "+" : ""}${number(held.shift, Number.isInteger(held.shift) ? 0 : 2)}${metric.unit ? `\u00a0${metric.unit}` : ""}`;
  return t("sensor_page.calibrated", { metric: t(`metric.${metric.metric}`), gain: number(held.gain, held.gain === 1 ? 0 : 2), shift, day: farDay(Date.parse(held.valid_from)) });
}

function acts(about, models) {
  const { sensor, series } = about;
  const { commune_insee: commune, site_id: site } = sensor.site;
  const button = (words, action) => el("button", { class: "btn", type: "button", onclick: action }, words);
  const asked = async (act) => askAct(act, sensor, { communes: await readAll("/communes"), commune: { insee: commune }, models, series }, about.again);
  const tends = may("tend", commune, site) ? actsOf(sensor, series) : [];
  return el("div", { class: "acts" }, ...tends.map((act) => button(t(`sensor.${act}`), () => asked(act))));
}
