/** What a person can do with an adopted sensor: edit it, move it, replace its device, calibrate a series, retire it. */

import { now, send } from "./api.js";
import { DeviceFields, showModels } from "./device_fields.js";
import { ask, line } from "./dialog.js";
import { el } from "./element.js";
import { fromField, toField } from "./paris.js";
import { PlaceFields } from "./place_fields.js";
import { t } from "./words.js";

/** The acts that fit a sensor as it stands, by the name of their words; calibrating is of the series that is shown. */
export function actsOf(sensor, series = null) {
  if (sensor.retired_at) return ["edit", "restore"];
  return ["edit", "move", "replace", ...(series ? ["calibrate"] : []), "retire"];
}

/**
 * Ask for one act on a sensor.
 * @param {"edit" | "move" | "replace" | "calibrate" | "retire" | "restore"} act
 * @param {object} sensor as the API gives it
 * @param {{communes: object[], commune: object, models: object[], series?: object}} about
 * @param {(words: string) => void} done told what was done, in words
 */
export function askAct(act, sensor, about, done) {
  const { body, send: carry, label = t(`sensor.${act}`) } = FORMS[act](sensor, about);
  ask({
    title: t(`sensor.${act}_title`, { name: sensor.name }),
    body: [el("p", { class: "lede" }, t(`sensor.${act}_lede`, { name: sensor.name, id: sensor.external_id })), ...body],
    label,
    act: async (form) => {
      await carry(form);
      done(t(`sensor.${act}_done`, { name: sensor.name }));
    },
  });
}

const when = () => line(t("sensor.at"), el("input", { type: "datetime-local", name: "at", required: true, value: toField(now()), max: toField(now() + 60_000) }), t("sensor.at_hint"));
const at = (form) => new Date(fromField(form.get("at"))).toISOString();

const FORMS = {
  edit(sensor, { models }) {
    const device = new DeviceFields(models, sensor);
    return { label: t("sensor.save"), body: device.nodes, send: () => send(`/sensors/${sensor.sensor_id}`, device.value(), "PATCH") };
  },
  move(sensor, { communes, commune }) {
    const place = new PlaceFields(communes, commune);
    return { body: [...place.nodes, when()], send: (form) => send(`/sensors/${sensor.sensor_id}/move`, { site: place.value(), moved_at: at(form) }) };
  },
  replace(sensor, { models }) {
    const model = showModels(el("select", { name: "model" }), models, { kind: sensor.kind, chosen: sensor.model ?? "" });
    const fresh = el("input", { name: "external_id", required: true, maxlength: 200, spellcheck: "false", autocapitalize: "none" });
    return {
      body: [line(t("sensor.new_id"), fresh, t("sensor.new_id_hint")), line(t("adopt.model"), model), when()],
      send: (form) => send(`/sensors/${sensor.sensor_id}/replace`, { external_id: fresh.value.trim(), model: model.value || null, replaced_at: at(form) }),
    };
  },
  calibrate(sensor, { series }) {
    const figure = (name, value) => el("input", { type: "number", name, step: "any", required: true, value });
    const unit = series.metric.unit ? ` (${series.metric.unit})` : "";
    return {
      body: [
        el("p", { class: "lede" }, t("sensor.calibrate_how", { metric: t(`metric.${series.metric.metric}`) })),
        el("div", { class: "pair" }, line(t("sensor.gain"), figure("gain", 1)), line(t("sensor.shift") + unit, figure("shift", 0))),
        when(),
        line(t("sensor.calibrate_note"), el("input", { name: "note", maxlength: 500 }), t("sensor.calibrate_note_hint")),
      ],
      send: (form) => send(`/series/${series.series_id}/calibrations`, { valid_from: at(form), gain: Number(form.get("gain")), shift: Number(form.get("shift")), note: form.get("note").trim() }),
    };
  },
  retire(sensor) {
    return { body: [when()], send: (form) => send(`/sensors/${sensor.sensor_id}/retire`, { retired_at: at(form) }) };
  },
  restore(sensor) {
    return { body: [], send: () => send(`/sensors/${sensor.sensor_id}`, { retired_at: null }, "PATCH") };
  },
};
