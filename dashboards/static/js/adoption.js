/** Adopting an unknown sensor: what it is, and where it stands. */

import { send } from "./api.js";
import { DeviceFields } from "./device_fields.js";
import { ask } from "./dialog.js";
import { PlaceFields } from "./place_fields.js";
import { t } from "./words.js";

/**
 * Ask how to adopt a sensor.
 * @param {{external_id: string}} sensor
 * @param {{communes: object[], commune: object, models: object[]}} about
 * @param {(adopted: object) => void} done told of the sensor once it is adopted
 */
export function adopt(sensor, { communes, commune, models }, done) {
  const [device, place] = [new DeviceFields(models), new PlaceFields(communes, commune)];
  ask({
    title: t("adopt.title", { id: sensor.external_id }),
    body: [...device.nodes, ...place.nodes],
    label: t("adopt.send"),
    act: async () => done(await send("/sensors", { external_id: sensor.external_id, ...device.value(), site: place.value() })),
  });
}
