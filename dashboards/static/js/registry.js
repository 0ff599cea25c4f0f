/** The view of sensors: those that nobody adopted yet, those adopted and what can be done with each, lists from a file. */

import { adopt } from "./adoption.js";
import { now, read } from "./api.js";
import { askBulk } from "./bulk.js";
import { el, glyph } from "./element.js";
import { ago, clock, moment, number, span } from "./formats.js";
import { may, mayIn, needs } from "./rights.js";
import { figureCell, openingRow, table } from "./table.js";
import { actsOf, askAct } from "./sensor_acts.js";
import { historyOf } from "./sensor_history.js";
import { sensorPage } from "./sensor_page.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const CUT = 25;
const $ = (selector) => document.querySelector(selector);
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const byName = new Intl.Collator("fr", { numeric: true, sensitivity: "base" }).compare;
// Their messages stay aside until ingest reads them; they are no longer to adopt.
const adopted = new Set();

/** Have the search and the list from a file work; once. */
export function listenRegistry(about) {
  $("[data-search]").value = get("search");
  $("[data-search]").addEventListener("input", ({ target }) => {
    put({ search: target.value });
    drawSensors(about);
  });
  const tends = mayIn("tend", about.commune.insee);
  $("[data-bulk]").hidden = !tends;
  $("[data-bulk]").addEventListener("click", () => askBulk((words) => tell(words, about)));
  if (!tends) $("[data-unknown]").before(needs("tend"));
}

/** Read and draw the view; return how many sensors wait to be adopted. */
export async function showRegistry(about) {
  const unknown = await read("/unknown-sensors");
  const strangers = unknown.items.filter(({ external_id: id }) => !adopted.has(id));
  $("[data-unknown]").replaceChildren(strangers.length ? unknownTable(strangers, about) : el("p", { class: "lede none" }, t("data.none_unknown")));
  $("[data-unknown-lede]").hidden = !strangers.length;
  drawSensors(about);
  return { unknown: strangers.length };
}

/** Say what was done, and read everything again. */
function tell(words, about) {
  $("[data-told]").replaceChildren(el("p", { class: "note accent" }, words));
  about.again();
}

function unknownTable(strangers, about) {
  const heads = [[t("data.identifier")], [t("data.network"), "wide"], [t("data.kept"), "num"], [t("data.last"), "num"], [""]];
  const welcomed = (sensor) => {
    adopted.add(sensor.external_id);
    tell(t("adopt.done", { name: sensor.name }), about);
  };
  const rows = strangers.map((sensor) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("code", {}, sensor.external_id)),
      el("td", { class: "wide" }, sensor.network),
      figureCell(sensor.messages),
      el("td", { class: "num" }, moment(Date.parse(sensor.last_received_at), now(), clock)),
      el("td", { class: "act" }, mayIn("tend", about.commune.insee) && adoptButton(sensor, about, welcomed)),
    ),
  );
  return table(t("data.unknown"), heads, rows, { cut: CUT });
}

const adoptButton = (sensor, about, welcomed) =>
  el("button", { class: "btn", type: "button", "aria-label": t("data.adopt_named", { id: sensor.external_id }), onclick: () => adopt(sensor, about, welcomed) }, t("data.adopt"));

function drawSensors(about) {
  const search = plain(get("search"));
  const found = [...about.sensors.values()].filter((sensor) =>
    plain(`${sensor.name} ${sensor.site.name} ${sensor.external_id} ${about.titles.get(sensor.model) ?? ""}`).includes(search),
  );
  found.sort((a, b) => Boolean(a.retired_at) - Boolean(b.retired_at) || byName(a.site.name, b.site.name) || byName(a.name, b.name));
  $("[data-found]").textContent = t("sensor.found", { n: number(found.length) }, found.length);
  $("[data-sensors]").replaceChildren(found.length ? sensorTable(found, about) : el("p", { class: "lede none" }, t(about.sensors.size ? "list.none_match" : "sensor.none")));
}

function sensorTable(sensors, about) {
  const heads = [[t("sensor.sensor")], [t("sensor.identifier"), "wide"], [t("sensor.kind"), "wide"], [t("sensor.model"), "wide"], [t("sensor.interval"), "num wide"], [t("sensor.last"), "num"]];
  const rows = sensors.map((sensor) => {
    const row = openingRow(
      [el("span", { class: "who" }, sensor.name, el("span", { class: "quiet" }, sensor.site.name))],
      [
        el("td", { class: "wide" }, el("code", { class: "quiet" }, sensor.external_id)),
        el("td", { class: "wide" }, t(`kind_one.${sensor.kind}`)),
        el("td", { class: "wide" }, sensor.model ? about.titles.get(sensor.model) ?? sensor.model : el("span", { class: "quiet" }, t("sensor.no_model"))),
        el("td", { class: "num wide" }, sensor.interval_s ? span(sensor.interval_s * 1000) : el("span", { class: "quiet" }, "–")),
        el("td", { class: "num" }, lastOf(sensor, about)),
      ],
      async () => [acts(sensor, about), await historyOf(sensor)],
      { href: sensorPage(sensor.sensor_id, sensor.site.commune_insee), label: sensor.name },
    );
    row.classList.toggle("dim", Boolean(sensor.retired_at));
    return row;
  });
  return table(t("sensor.title"), heads, rows, { cut: CUT });
}

function lastOf(sensor, { heard }) {
  if (sensor.retired_at) return el("span", { class: "tag" }, t("sensor.retired"));
  const at = heard.get(sensor.sensor_id);
  if (!at) return el("span", { class: "state quiet" }, glyph("s-silent"), t("age.never"));
  return ago(Math.max(0, now() - at));
}

function acts(sensor, about) {
  if (!may("tend", sensor.site.commune_insee, sensor.site.site_id)) return "";
  const button = (act) =>
    el("button", { class: "btn", type: "button", "aria-label": t(`sensor.${act}_title`, { name: sensor.name }), onclick: () => askAct(act, sensor, about, (words) => tell(words, about)) }, t(`sensor.${act}`));
  return el("div", { class: "acts" }, ...actsOf(sensor).map(button));
}
