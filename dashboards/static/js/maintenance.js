/** The view of maintenance windows: where somebody works until when, so that nobody is called out for it. */

import { now, read, send, withdraw } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el, glyph } from "./element.js";
import { minute, moment, number, span } from "./formats.js";
import { fromField, toField } from "./paris.js";
import { may, mayIn, needs } from "./rights.js";
import { sensorPage } from "./sensor_page.js";
import { table } from "./table.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;
const CUT = 30;
// What was over before is in the record of acts.
const PAST_MS = 60 * 24 * HOUR_MS;
const $ = (selector) => document.querySelector(selector);
const at = (text) => moment(Date.parse(text), now(), minute);

/** Read and draw the view; return the windows that are not over. */
export async function showMaintenance(about) {
  const { items } = await read("/maintenance", { commune: about.commune.insee, since: new Date(now() - PAST_MS).toISOString() });
  $("[data-maintenance]").replaceChildren(items.length ? windowTable(items, about) : el("p", { class: "lede none" }, t("maintenance.none")));
  return items.filter((one) => stateOf(one) === "open" || stateOf(one) === "ahead");
}

/** Have the button for a new window work; who may make none is told who could. */
export function listenMaintenance(about) {
  const makes = mayIn("tend", about.commune.insee);
  $("[data-add-maintenance]").hidden = !makes;
  $("[data-add-maintenance]").addEventListener("click", () => askWindow(about));
  if (!makes) $("[data-maintenance]").before(needs("tend"));
}

export function stateOf({ start_at: start, end_at: end, cancelled_at: cancelled }) {
  if (cancelled) return "cancelled";
  if (Date.parse(end) <= now()) return "over";
  return Date.parse(start) <= now() ? "open" : "ahead";
}

const MARKS = { open: "s-muted", ahead: "s-silent", over: "s-done", cancelled: "s-refused" };
const ORDER = ["open", "ahead", "over", "cancelled"];

function windowTable(windows, about) {
  const heads = [[t("maintenance.state")], [t("maintenance.where")], [t("maintenance.when")], [t("maintenance.why"), "wide"], [""]];
  const sorted = [...windows].sort((a, b) => ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b)) || Date.parse(b.start_at) - Date.parse(a.start_at));
  const rows = sorted.map((one) => {
    const state = stateOf(one);
    const live = state === "open" || state === "ahead";
    return el(
      "tr",
      { class: live ? null : "dim" },
      el("td", {}, el("span", { class: "state" }, glyph(MARKS[state]), t(`maintenance.is_${state}`))),
      el("th", { scope: "row", class: "wrap" }, placeWords(one, about)),
      el("td", {}, el("span", { class: "who" }, t("maintenance.from_to", { from: at(one.start_at), until: at(one.end_at) }), el("span", { class: "quiet" }, span(Date.parse(one.end_at) - Date.parse(one.start_at))))),
      el("td", { class: "wide wrap" }, one.why),
      el("td", { class: "act" }, live && may("tend", one.commune_insee, one.site_id) ? endButton(one, state, about) : ""),
    );
  });
  return table(t("maintenance.title"), heads, rows, { cut: CUT });
}

const placeWords = ({ site_id: site, sensor_id: sensor }, { commune, sites, sensors }) =>
  sensor ? el("a", { href: sensorPage(sensor, commune.insee) }, sensors.get(sensor)?.name ?? t("maintenance.a_sensor")) : (site && sites.get(site)) || t("maintenance.whole", { commune: commune.name });

function endButton(one, state, about) {
  const key = state === "open" ? "end_now" : "cancel";
  const end = () =>
    ask({
      title: t(`maintenance.${key}_title`),
      body: [el("p", { class: "lede" }, t(`maintenance.${key}_lede`))],
      label: t(`maintenance.${key}`),
      act: async () => {
        await withdraw(`/maintenance/${one.maintenance_id}`);
        about.tell(t("maintenance.cancelled"));
        about.again();
      },
    });
  return el("button", { class: "btn", type: "button", "aria-label": t(`maintenance.${key}_named`, { why: one.why }), onclick: end }, t(`maintenance.${key}`));
}

function askWindow(about) {
  const { commune, sites, sensors } = about;
  const place = el("select", { name: "place" }, option("", t("maintenance.whole", { commune: commune.name })), el("optgroup", { label: t("rules.sites") }, ...[...sites].map(([id, name]) => option(`site:${id}`, name))), el("optgroup", { label: t("rules.sensors") }, ...[...sensors.values()].map(({ sensor_id: id, name, site }) => option(`sensor:${id}`, `${name}, ${site.name}`))));
  const instant = (name, ms) => el("input", { type: "datetime-local", name, required: true, value: toField(ms) });
  const why = el("input", { name: "why", required: true, maxlength: 500, placeholder: t("maintenance.why_hint") });
  ask({
    title: t("maintenance.add_title"),
    body: [
      el("p", { class: "lede" }, t("maintenance.add_lede")),
      line(t("maintenance.where"), place),
      el("div", { class: "pair" }, line(t("maintenance.start"), instant("start", now())), line(t("maintenance.end"), instant("end", now() + 4 * HOUR_MS))),
      line(t("maintenance.why"), why),
    ],
    label: t("maintenance.add"),
    act: async (form) => {
      const [start, end] = ["start", "end"].map((name) => new Date(fromField(form.get(name))).toISOString());
      const [kind, id] = place.value.split(":");
      const spot = { site_id: kind === "site" ? Number(id) : null, sensor_id: kind === "sensor" ? Number(id) : null };
      await send("/maintenance", { commune_insee: commune.insee, ...spot, start_at: start, end_at: end, why: why.value.trim() });
      about.tell(t("maintenance.added"));
      about.again();
    },
  });
}

/** What the tab says of the windows. */
export function maintenanceFigure(windows) {
  const open = windows.filter((one) => stateOf(one) === "open").length;
  const ahead = windows.length - open;
  return { value: number(open), mark: open ? glyph("s-muted") : null, under: ahead ? t("maintenance.some_ahead", { n: number(ahead) }, ahead) : t("maintenance.none_ahead") };
}
