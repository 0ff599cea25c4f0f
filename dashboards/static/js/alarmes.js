/** Alarmes: what raises an alarm, where nobody is called out, what people did about alarms, how one is told. */

import "./communes.js";
import { journalFigure, showJournal } from "./alarm_journal.js";
import { read, readAll } from "./api.js";
import { el } from "./element.js";
import { note, showOrigins, showToday, showVerdict } from "./frame.js";
import { listenMaintenance, maintenanceFigure, showMaintenance, stateOf } from "./maintenance.js";
import { capital, count } from "./model_words.js";
import { listenRules, ruleFigure, showRules } from "./rules.js";
import { me } from "./rights.js";
import { figure, tabs } from "./tabs.js";
import { listenTold, showTold, toldFigure } from "./told.js";
import { t } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const chooser = $("vigie-communes");
const VIEWS = {
  rules: [showRules, ruleFigure],
  maintenance: [showMaintenance, maintenanceFigure],
  journal: [showJournal, journalFigure],
  told: [showTold, toldFigure],
};
// What the views share: the commune, its sites and sensors by id, the metrics; what was done is told, then all read again.
const about = { tell, show: (view) => showView(view), again: () => loadAll().catch(failed) };
const seen = {};

async function start() {
  showToday();
  // A program has no mailbox: only people subscribe.
  if (me.kind !== "session") leaveOut("told");
  try {
    about.commune = await chooser.load();
    about.communes = chooser.communes;
    tabs($("[data-tabs]"), () => {});
    const { insee: commune } = about.commune;
    const [sites, sensors, quantities] = await Promise.all([readAll("/sites", { commune }), readAll("/sensors", { commune }), read("/quantities")]);
    about.sites = new Map(sites.map(({ site_id: id, name }) => [id, name]));
    about.sensors = new Map(sensors.map((sensor) => [sensor.sensor_id, sensor]));
    about.metrics = quantities.items;
    showOrigins(sensors);
    for (const [view, listen] of [["rules", listenRules], ["maintenance", listenMaintenance], ["told", listenTold]]) if (VIEWS[view]) listen(about);
    await loadAll();
  } catch (error) {
    failed(error);
  }
}

function leaveOut(view) {
  delete VIEWS[view];
  $(`#tab-${view}`).remove();
  $(`#${view}`).remove();
}

async function loadAll() {
  await Promise.all(Object.keys(VIEWS).map(showView));
  sentence();
}

/** Read a view and draw it; one that fails says so in its own place. */
async function showView(view) {
  const [show, figureOf] = VIEWS[view];
  const fault = $(`#${view} [data-fault]`);
  try {
    seen[view] = await show(about);
    figure(view, figureOf(seen[view]));
    fault.replaceChildren();
  } catch (error) {
    if (!seen[view]) figure(view, { value: "–", under: t("data.unread") });
    fault.replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => showView(view)));
  }
  $(`#${view}`).classList.toggle("unread", !seen[view]);
}

/** How many rules watch, how many are off, and where nobody is called out now. */
function sentence() {
  if (!seen.rules) return showVerdict([t("alarmes.unread"), ""]);
  const on = seen.rules.filter(({ enabled }) => enabled).length;
  const open = (seen.maintenance ?? []).filter((one) => stateOf(one) === "open").length;
  const quiet = [open ? t("alarmes.muted", { count: capital(count(open)) }, open) : t("alarmes.none_muted"), seen.told && !seen.told.some(({ paused }) => !paused) ? t("alarmes.not_told") : ""];
  return showVerdict([on ? t("alarmes.watching", { count: capital(count(on)), commune: about.commune.name }, on) : t("alarmes.none_watching", { commune: about.commune.name }), quiet.filter(Boolean).join(" ")]);
}

/** Say what was done. */
function tell(words) {
  $("[data-done]").replaceChildren(el("p", { class: "note accent" }, words));
}

function failed(error) {
  showVerdict([t("alarmes.unread"), ""]);
  $("[data-done]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => location.reload()));
}

start();
