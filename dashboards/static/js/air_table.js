/** The figures behind a room's staves: as a table, and as a file for a French spreadsheet. */

import { Clock } from "./air_clock.js";
import { el } from "./element.js";
import { minute, number } from "./formats.js";
import { parisIso } from "./paris.js";
import { t } from "./words.js";

const COLUMNS = [
  ["without", (room, place) => room.without?.p50[place]],
  ["with", (room, place) => room.with?.p50[place]],
  ["needed", (room, place) => room.needed_m3_h[place]],
  ["level", (room, place) => room.level_m3_h[place]],
  ["openings", (room, place) => (room.airs[place] ? 10 : 0)],
];
const NAMES = ["heure", "sans_plan_p50_ppm", "avec_plan_p50_ppm", "debit_necessaire_m3h", "ventilation_m3h", "fenetres_min"];
const BOM = "\ufeff";

export function roomFigures(picture, room) {
  const clock = new Clock(picture);
  const cell = (value) => el("td", { class: "num" }, value === undefined ? "–" : number(value));
  const rows = room.airs.map((_, place) =>
    el("tr", {}, el("th", { scope: "row" }, minute(clock.quarter(place))), ...COLUMNS.map(([, value]) => cell(value(room, place)))),
  );
  const heads = [t("air.time"), `${t("air.without")}, ppm`, `${t("air.with")}, ppm`, `${t("air.needed")}, m³/h`, t("air.level"), `${t("air.openings")}, min`];
  return el(
    "table",
    {},
    el("caption", { class: "vh" }, room.name),
    el("thead", {}, el("tr", {}, ...heads.map((text, place) => el("th", { scope: "col", class: place ? "num" : null }, text)))),
    el("tbody", {}, ...rows),
  );
}

/** Semicolons, decimal commas, Paris time with its offset, a byte order mark. */
export function roomCsv(picture, room) {
  const clock = new Clock(picture);
  const figure = (value) => (value === undefined ? "" : String(value).replace(".", ","));
  const lines = room.airs.map((_, place) => [parisIso(clock.quarter(place)), ...COLUMNS.map(([, value]) => figure(value(room, place)))]);
  return `${BOM}${[NAMES, ...lines].map((line) => line.join(";")).join("\r\n")}\r\n`;
}
