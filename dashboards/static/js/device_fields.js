/** The fields that say what a sensor is: its name, kind, device model, and how often it speaks. */

import { line, option } from "./dialog.js";
import { el } from "./element.js";
import { t } from "./words.js";

const KINDS = ["indoor_air", "outdoor_air", "bin", "bay", "meter", "counter"];
const MINUTES_MAX = 10_080;

export class DeviceFields {
  /**
   * @param {{model: string, maker: string, title: string, kinds: string[]}[]} models
   * @param {{name?: string, kind?: string, model?: string | null, interval_s?: number | null}} [sensor] as it is now
   */
  constructor(models, sensor = {}) {
    this.models = models;
    // What a sensor has is kept where it fits no more; what was only guessed is not.
    this.kept = sensor.sensor_id !== undefined;
    this.name = el("input", { name: "name", required: true, maxlength: 120, placeholder: t("adopt.name_hint"), value: sensor.name ?? "" });
    this.kind = el("select", { name: "kind", onchange: () => this.#showModels() }, ...KINDS.map((kind) => option(kind, t(`kind_one.${kind}`), kind === sensor.kind)));
    this.model = el("select", { name: "model" });
    this.interval = el("input", { name: "interval", type: "number", inputmode: "decimal", min: "0.1", max: MINUTES_MAX, step: "any", value: sensor.interval_s ? sensor.interval_s / 60 : "" });
    this.#showModels(sensor.model ?? "");
    this.nodes = [
      line(t("adopt.name"), this.name),
      line(t("adopt.kind"), this.kind),
      el("div", { class: "pair" }, line(t("adopt.model"), this.model, t("adopt.model_hint")), line(t("adopt.interval"), this.interval, t("adopt.interval_hint"))),
    ];
  }

  /** What was filled in, as the API takes it. */
  value() {
    const minutes = this.interval.valueAsNumber;
    return {
      name: this.name.value.trim(),
      kind: this.kind.value,
      model: this.model.value || null,
      interval_s: Number.isNaN(minutes) ? null : Math.max(1, Math.round(minutes * 60)),
    };
  }

  #fitting() {
    const { value } = this.model;
    return this.kept || this.models.some(({ model, kinds }) => model === value && kinds.includes(this.kind.value)) ? value : "";
  }

  #showModels(chosen = this.#fitting()) {
    showModels(this.model, this.models, { kind: this.kind.value, chosen });
  }
}

/** Offer the models that a sensor of this kind can be, by maker; the chosen one also where it fits no more. */
export function showModels(select, models, { kind, chosen }) {
  const fitting = models.filter(({ kinds, model }) => kinds.includes(kind) || model === chosen);
  const groups = [...Map.groupBy(fitting, ({ maker }) => maker)].map(([maker, theirs]) =>
    el("optgroup", { label: maker }, ...theirs.map(({ model, title }) => option(model, title, model === chosen))),
  );
  select.replaceChildren(option("", t("adopt.no_model")), ...groups);
  return select;
}
