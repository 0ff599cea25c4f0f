/** The label to stick on a device: its name, its identifier and a code that opens its page; printed 62 mm wide. */

import { ask } from "./dialog.js";
import { el } from "./element.js";
import { t } from "./words.js";

/** Show the label as it will be printed. */
export function showLabel(sensor) {
  const code = el("img", { src: `/api/v1/sensors/${sensor.sensor_id}/code.svg`, alt: t("sensor_page.label_code", { id: sensor.external_id }), width: 160, height: 160 });
  const label = el("div", { class: "device-label" }, code, el("div", {}, el("strong", {}, sensor.name), el("span", {}, sensor.site.name), el("code", {}, sensor.external_id), el("span", { class: "small" }, t("sensor_page.label_reads"))));
  const dialog = ask({ title: t("sensor_page.label_title"), body: [label, el("p", { class: "small quiet noprint" }, t("sensor_page.label_hint"))], label: t("sensor_page.label_print"), act: async () => print(), kind: "of-label" });
  // Its page has a size of its own, while the dialog is open.
  const sheet = document.querySelector("link[data-label]");
  sheet.disabled = false;
  dialog.addEventListener("close", () => (sheet.disabled = true));
}
