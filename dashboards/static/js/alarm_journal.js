/** The journal of alarms: when each was raised, who acknowledged it and how soon, when it ended; as a file, too. */

import { actsList } from "./alarm_acts.js";
import { lookOf, readAlarm } from "./alarms.js";
import { address, now, read } from "./api.js";
import { choices } from "./choice.js";
import { option } from "./dialog.js";
import { el, glyph } from "./element.js";
import { minute, moment, number, span } from "./formats.js";
import { sensorPage } from "./sensor_page.js";
import { openingRow, table } from "./table.js";
import { get, put } from "./url.js";
import { language, t } from "./words.js";

const PAGE = 50;
const DAY_MS = 24 * 3_600_000;
const FILE_DAYS = 90;
const KINDS = ["indoor_air", "outdoor_air", "bin", "bay", "meter", "counter"];
const SEVERITIES = ["critical", "warning", "info"];
const OVER = { cleared: "normal", withdrawn: "refused" };
const $ = (selector) => document.querySelector(selector);

/** What is asked of the API: the address keeps it. */
const asked = ({ insee }) => ({ commune: insee, state: get("state") || "all", severity: get("severity") || null, kind: get("kind") || null });

/** Read and draw the view; return the alarms on its first page. */
export async function showJournal(about) {
  const filter = asked(about.commune);
  drawFilters(about);
  const from = new Date(now() - FILE_DAYS * DAY_MS).toISOString();
  $("[data-csv]").href = address("/alarms.csv", { commune: about.commune.insee, from, format: language === "fr" ? "csv-fr" : "csv" });
  const page = await read("/alarms", { ...filter, language, limit: PAGE });
  $("[data-journal]").replaceChildren(...(page.items.length ? pages(page, filter) : [el("p", { class: "lede none" }, t("journal.none"))]));
  return page.items;
}

function drawFilters(about) {
  const chosen = (name) => (value) => {
    put({ [name]: value });
    about.show("journal");
  };
  choices($("[data-journal-state]"), [["", t("journal.all")], ["open", t("journal.open")]], get("state"), chosen("state"));
  for (const [name, values, words] of [["severity", SEVERITIES, "alarm_said.severity"], ["kind", KINDS, "kinds"]]) {
    const select = $(`[data-journal-${name}]`);
    if (!select.options.length) {
      select.append(option("", t(`journal.any_${name}`)), ...values.map((value) => option(value, t(`${words}.${value}`))));
      select.addEventListener("change", () => chosen(name)(select.value));
    }
    select.value = get(name);
  }
}

/** A page, with a button for the older ones. */
function pages({ items, next }, filter) {
  const heads = [[t("journal.alarm")], [t("journal.state"), "wide"], [t("journal.raised"), "num"], [t("journal.acknowledged"), "wide"], [t("journal.lasted"), "num wide"]];
  const drawn = table(t("journal.title"), heads, items.map(row));
  if (next === null) return [drawn];
  const more = el("p", { class: "links more" }, el("button", { type: "button", onclick: older }, t("data.older")));
  async function older() {
    more.replaceWith(...pages(await read("/alarms", { ...filter, language, limit: PAGE, cursor: next }), filter));
  }
  return [drawn, more];
}

function row(alarm) {
  const raised = Date.parse(alarm.raised_at);
  const name = el("span", { class: "state wrap" }, glyph(`s-${OVER[alarm.state] ?? lookOf(alarm)}`, t(`alarm_said.state.${alarm.state}`)), el("span", { class: "who" }, alarm.title, el("span", { class: "quiet" }, alarm.detail)));
  const taken = alarm.acknowledged_at
    ? el("span", { class: "who" }, t("journal.by", { by: alarm.acknowledged_by ?? t("journal.somebody") }), el("span", { class: "quiet" }, t("journal.after", { span: span(Date.parse(alarm.acknowledged_at) - raised) })))
    : el("span", { class: "quiet" }, alarm.state === "raised" ? "–" : t("journal.not_taken"));
  const end = alarm.until ?? alarm.cleared_at;
  return openingRow(
    [name],
    [
      el("td", { class: "wide" }, t(`alarm_said.state.${alarm.state}`)),
      // What was found in the past is told by when it was: when we learnt of it says nothing.
      el("td", { class: "num" }, moment(alarm.found_late ? Date.parse(alarm.since) : raised, now(), minute)),
      el("td", { class: "wide" }, alarm.found_late ? el("span", { class: "quiet" }, t("journal.late")) : taken),
      el("td", { class: "num wide" }, end ? span(Date.parse(end) - Date.parse(alarm.since)) : el("span", { class: "quiet" }, t("rules.lasts"))),
    ],
    () => under(alarm),
  );
}

/** What was measured and why it was raised, what people did; and where it is now. */
async function under(alarm) {
  const { acts, why } = await readAlarm(alarm.alarm_id);
  const link = alarm.sensor && el("p", { class: "links" }, el("a", { href: sensorPage(alarm.sensor.sensor_id, alarm.commune_insee) }, t("journal.sensor", { name: alarm.sensor.name })));
  return [el("p", { class: "lede small" }, why), actsList(acts), link || ""];
}

/** What the tab says: raised over the last seven days, of those on the page, and how many of them were taken. */
export function journalFigure(alarms) {
  const week = alarms.filter(({ raised_at: at }) => Date.parse(at) > now() - 7 * DAY_MS);
  const taken = week.filter(({ acknowledged_at: at }) => at).length;
  const more = week.length === PAGE ? "+" : "";
  return { value: number(week.length) + more, under: taken ? t("journal.taken", { n: number(taken) }, taken) : t(week.length ? "journal.none_taken" : "journal.quiet") };
}
