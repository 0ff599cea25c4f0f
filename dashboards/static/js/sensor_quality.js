/** Qualité: what came of each two hours of the last week, and which flags were set. */

import { now } from "./api.js";
import { el, glyph } from "./element.js";
import { farDay, minute, moment, number } from "./formats.js";
import { NO_TROUBLE } from "./sensor_sentence.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CELLS = { good: null, suspect: "q", refused: "x", missing: "o", none: "n" };

/** Draw the strip and the table; false where nothing is known of it. */
export async function showQuality({ box, links }, about) {
  const { quality } = about;
  if (!quality) return false;
  links.replaceChildren(el("span", { class: "quiet" }, t("sensor_page.quality_over")));
  box.replaceChildren(...strip(quality.strip), flagTable(quality, about));
  return undefined;
}

function strip(cells) {
  const counted = Object.keys(CELLS).map((state) => [state, cells.filter((cell) => cell.state === state).length]).filter(([, n]) => n);
  const words = t("sensor_page.quality_label", { parts: counted.map(([state, n]) => t(`sensor_page.cells_${state}`, { n }, n)).join(", ") });
  const drawn = cells.map(({ from, state }) => el("i", { class: CELLS[state], title: `${moment(Date.parse(from), now(), minute)}, ${t(`sensor_page.cell_${state}`)}` }));
  const ends = cells.length ? el("p", { class: "ends small quiet", "aria-hidden": "true" }, el("span", {}, farDay(Date.parse(cells[0].from))), el("span", {}, t("sensor_page.now_end"))) : null;
  return [el("div", { class: "strip", role: "img", "aria-label": words }, ...drawn), ends].filter(Boolean);
}

function flagTable({ flags, refused, missing, duplicates, ...when }, { sensor }) {
  const row = (mark, name, n, last, dim = false) =>
    el("tr", { class: dim ? "dim" : null }, el("th", { scope: "row" }, el("span", { class: "state" }, glyph(mark), name)), el("td", { class: "num" }, number(n)), el("td", {}, ...[last].flat().filter(Boolean)));
  const said = (at) => (at ? moment(Date.parse(at), now(), minute) : "");
  const why = el("a", { href: `/donnees?${new URLSearchParams({ commune: sensor.site.commune_insee })}` }, t("sensor_page.why_refused"));
  const rows = [
    ...flags.map((flag) => row(NO_TROUBLE.includes(flag.flag) ? "s-normal" : "s-suspect", t(`sensor_page.flag_${flag.flag}`), flag.readings, said(flag.last_at))),
    refused ? row("s-refused", t("sensor_page.refused"), refused, [said(when.refused_last_at), " · ", why]) : null,
    missing ? row("s-silent", t("sensor_page.missing"), missing) : null,
    duplicates ? row("s-normal", t("sensor_page.duplicates"), duplicates, said(when.duplicates_last_at), true) : null,
  ].filter(Boolean);
  if (!rows.length) return el("p", { class: "lede small none" }, t("sensor_page.no_flag"));
  return table(t("sensor_page.flags_caption"), [[t("sensor_page.flag")], [t("sensor_page.readings"), "num"], [t("sensor_page.last_time")]], rows);
}
