/** Adopting an unknown sensor: what it is, and where it stands. */

import { send } from "./api.js";
import { DeviceFields } from "./device_fields.js";
import { ask } from "./dialog.js";
import { el } from "./element.js";
import { PlaceFields } from "./place_fields.js";
import { t } from "./words.js";

/**
 * Ask how to adopt a sensor.
 * @param {{external_id: string, guess: object}} sensor with what it may be: a proposal, filled in to be checked
 * @param {{communes: object[], commune: object, models: object[]}} about
 * @param {(adopted: object) => void} done told of the sensor once it is adopted
 */
export function adopt(sensor, { communes, commune, models }, done) {
  const { guess } = sensor;
  const there = communes.find(({ insee }) => insee === guess.commune_insee) ?? commune;
  const [device, place] = [new DeviceFields(models, guess), new PlaceFields(communes, there)];
  const known = guess.told_by ?? sensor.topic;
  const hint = guess.kind || guess.model ? el("p", { class: "note accent" }, t("adopt.guessed", { by: known })) : null;
  ask({
    title: t("adopt.title", { id: sensor.external_id }),
    body: [hint, ...device.nodes, ...place.nodes],
    label: t("adopt.send"),
    act: async () => done(await send("/sensors", { external_id: sensor.external_id, ...device.value(), site: place.value() })),
  });
}
