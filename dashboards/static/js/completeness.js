/** The view of complete days: thirty local days per sensor, as a strip and as months; what is missing is hatched, never zero. */

import { now, read } from "./api.js";
import { el } from "./element.js";
import { date, farDay, number, percent } from "./formats.js";
import { monthGrids } from "./month_grid.js";
import { dayStart } from "./paris.js";
import { sensorPage } from "./sensor_page.js";
import { openingRow, table } from "./table.js";
import { t } from "./words.js";

const DAYS = 30;
const HOUR_MS = 3_600_000;
const CUT = 25;
const $ = (selector) => document.querySelector(selector);

/**
 * Read and draw the view.
 * @param {{commune: {insee: string}, sensors: Map<number, object>}} about
 * @returns the share of judged days that are valid, null where none was judged, and how many are not
 */
export async function showCompleteness({ commune, sensors }) {
  const until = now();
  const days = lastDays(until);
  const window = { from: new Date(days[0]).toISOString(), until: new Date(dayStart(until)).toISOString() };
  const { items } = await read("/completeness", { commune: commune.insee, ...window });
  const rows = items.filter(({ sensor_id: id }) => sensors.has(id)).map((item) => judged(item, sensors.get(item.sensor_id), days));
  rows.sort((a, b) => a.valid / a.judged - b.valid / b.judged || a.name.localeCompare(b.name, "fr", { numeric: true }));
  const told = rows.filter((row) => row.judged);
  $("[data-completeness]").replaceChildren(told.length ? calendar(told, days, commune) : el("p", { class: "lede none" }, t("completeness.none")));
  $("[data-completeness-legend]").hidden = !told.length;
  const [valid, all] = ["valid", "judged"].map((count) => told.reduce((sum, row) => sum + row[count], 0));
  return { ratio: all ? valid / all : null, short: all - valid };
}

/** The starts of the last full local days, oldest first. */
export function lastDays(at) {
  const days = [];
  for (let day = dayStart(at); days.length < DAYS; days.unshift(day)) day = dayStart(day - HOUR_MS);
  return days;
}

/** Noon of a named day: in that day whatever the clock change. */
const noon = (day) => Date.parse(`${day}T12:00:00Z`);

/** A sensor's days: what came of each, and how many are valid of those it was there for. */
function judged(item, sensor, days) {
  const known = new Map(item.days.map((day) => [dayStart(noon(day.day)), day]));
  const adopted = Date.parse(sensor.adopted_at);
  const cells = days.map((start, place) => {
    const end = days[place + 1] ?? Infinity;
    const day = known.get(start);
    if (!day || end <= adopted) return { start, state: "before" };
    if (day.ratio === null) return { start, state: "absent", ratio: null, hours: day.hours_valid };
    return { start, state: day.valid ? "full" : "short", ratio: day.ratio, hours: day.hours_valid };
  });
  const count = (...states) => cells.filter(({ state }) => states.includes(state)).length;
  return { id: sensor.sensor_id, name: sensor.name, site: sensor.site.name, cells, valid: count("full"), judged: count("full", "short", "absent") };
}

function calendar(rows, days, commune) {
  const heads = [[t("completeness.sensor")], [axis(days), "days"], [t("completeness.valid"), "num"]];
  const drawn = rows.map((row) =>
    openingRow(
      [el("span", { class: "who" }, row.name, el("span", { class: "quiet" }, row.site))],
      [
        el("td", { class: "days" }, strip(row)),
        el("td", { class: row.valid < row.judged ? "num strong" : "num quiet" }, t("completeness.of", { n: row.valid, of: row.judged })),
      ],
      () => shortDays(row),
      { href: sensorPage(row.id, commune.insee), label: row.name },
    ),
  );
  return table(t("completeness.title"), heads, drawn, { cut: CUT });
}

/** The days above the strips, one a week. */
function axis(days) {
  const marks = days.map((day, place) => {
    if (place % 7) return null;
    const mark = el("span", {}, farDay(day));
    mark.style.left = `${(100 * place) / days.length}%`;
    return mark;
  });
  return el("span", { class: "axis", "aria-label": t("completeness.days") }, ...marks);
}

function strip({ name, cells, valid, judged: all }) {
  const cell = ({ start, state, ratio }) => {
    const mark = el("i", { class: state, title: state === "before" ? null : t("completeness.day", { day: farDay(start), share: shareWords(ratio) }) });
    if (state === "short") mark.style.setProperty("--part", `${Math.max(8, Math.round(ratio * 100))}%`);
    return mark;
  };
  return el("span", { class: "calendar", role: "img", "aria-label": t("completeness.strip", { name, n: valid, of: all }) }, ...cells.map(cell));
}

const shareWords = (ratio) => (ratio === null ? t("completeness.nothing") : percent(ratio));

/** The days of one sensor as months, and beside them those that do not count. */
function shortDays({ name, cells }) {
  const say = ({ start, state, ratio, hours }) =>
    state === "before" ? t("completeness.day_before", { day: date(start) }) : ratio === null ? t("completeness.day_nothing", { day: date(start) }) : t("completeness.day_said", { day: date(start), share: shareWords(ratio), hours: t("completeness.hours_valid", { n: number(hours) }, hours) });
  return [el("div", { class: "beside" }, monthGrids(cells, t("completeness.months", { name }), say), shortTable(name, cells))];
}

function shortTable(name, cells) {
  const short = cells.filter(({ state }) => state === "short" || state === "absent").reverse();
  if (!short.length) return el("p", { class: "lede none" }, t("completeness.all_valid"));
  const heads = [[t("completeness.date")], [t("completeness.received"), "num"], [t("completeness.hours"), "num"]];
  const rows = short.map(({ start, ratio, hours }) =>
    el("tr", {}, el("td", {}, date(start)), el("td", { class: "num" }, shareWords(ratio)), el("td", { class: "num" }, number(hours))),
  );
  return table(t("completeness.short_days", { name }), heads, rows, { cut: 8 });
}
