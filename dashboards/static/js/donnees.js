/** Données: what was refused and why, what is missing, which sensors there are, whether all gets in, and is kept. */

import "./communes.js";
import { now, read, readAll } from "./api.js";
import { showCompleteness } from "./completeness.js";
import { glyph } from "./element.js";
import { bytes, number } from "./formats.js";
import { note, showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { showGaps } from "./gaps.js";
import { showHealth } from "./health.js";
import { laneNote, showIngest } from "./ingest.js";
import { showRefusals } from "./refusals.js";
import { listenRegistry, showRegistry } from "./registry.js";
import { isUnsaved, showStorage } from "./storage.js";
import { mayIn } from "./rights.js";
import { figure, tabs } from "./tabs.js";
import { donnees } from "./verdict.js";
import { t } from "./words.js";

const REFRESH_MS = 30_000;
const $ = (selector) => document.querySelector(selector);
const chooser = $("vigie-communes");
// What the views share: the commune, its sensors and when each was heard, the device models; `again` reads everything
// anew, `settle` does where nobody reads or writes meanwhile.
const about = { again: () => loadAll().catch(failed), settle: () => busy() || loadAll(fresh()).catch(failed), failed };
const VIEWS = {
  refusals: [showRefusals, refusalFigure],
  gaps: [showGaps, gapFigure],
  completeness: [showCompleteness, dayFigure],
  registry: [showRegistry, sensorFigure],
  ingest: [showIngest, ingestFigure],
  storage: [showStorage, storageFigure],
  health: [showHealth, healthFigure],
};
// Counted over weeks: read again only where somebody looks.
const SLOW = ["gaps", "completeness"];
let newest = null;
const seen = {};
const turns = {};
const reading = new Set();

async function start() {
  showToday();
  if (!mayIn("operate")) ["storage", "health"].forEach(leaveOut);
  try {
    about.commune = await chooser.load();
    about.communes = chooser.communes;
    // What is being read is not read again: drawn anew at once, it would close what a person opens in it.
    tabs($("[data-tabs]"), (view) => about.sensors && !reading.has(view) && loadView(view));
    await loadAll();
    listenRegistry(about);
  } catch (error) {
    failed(error);
  }
  setInterval(() => showClock(newest), 1000);
  setInterval(() => !document.hidden && about.settle(), REFRESH_MS);
}

/** A view that the visitor may not read is not there. */
function leaveOut(view) {
  delete VIEWS[view];
  $(`#tab-${view}`).remove();
  $(`#${view}`).remove();
}

/** Whether a person reads what is open or fills a form: the page then stays as it is. */
const busy = () => document.querySelector('[role="tabpanel"]:not([hidden]) :is(details[open], [aria-expanded="true"]), dialog[open]') !== null;

async function loadPlaces() {
  const { insee: commune } = about.commune;
  const [sensors, latest, models] = await Promise.all([readAll("/sensors", { commune }), read("/latest", { commune }), read("/device-models")]);
  about.sensors = new Map(sensors.map((sensor) => [sensor.sensor_id, sensor]));
  about.names = new Map(sensors.map((sensor) => [sensor.external_id, sensor.name]));
  about.models = models.items;
  about.titles = new Map(about.models.map(({ model, maker, title }) => [model, `${maker} ${title}`]));
  about.heard = new Map();
  for (const { sensor_id: id, observed_at: at } of latest.items) about.heard.set(id, Math.max(about.heard.get(id) ?? 0, Date.parse(at)));
  newest = Math.max(0, ...about.heard.values()) || null;
  showOrigins(sensors);
  showClock(newest);
}

const fresh = () => Object.keys(VIEWS).filter((view) => !SLOW.includes(view) || !$(`#${view}`).hidden);

/** Read the views; one that fails says so in its own place. */
async function loadAll(views = Object.keys(VIEWS)) {
  await loadPlaces();
  await Promise.all(views.map(loadView));
  showVerdict(donnees({ ...seen.refusals, ...seen.registry, lanes: seen.ingest?.lanes ?? [] }));
  $("[data-lane-notes]").replaceChildren(...(seen.ingest?.lanes ?? []).map(laneNote).filter(Boolean));
}

/** Read a view behind what it reads already: the newest question has the last word. */
function loadView(view) {
  turns[view] = (turns[view] ?? Promise.resolve()).then(() => readView(view));
  return turns[view];
}

async function readView(view) {
  reading.add(view);
  const [show, figureOf] = VIEWS[view];
  const fault = $(`#${view} [data-fault]`);
  try {
    seen[view] = await show(about);
    figure(view, figureOf(seen[view]));
    fault.replaceChildren();
  } catch (error) {
    if (!seen[view]) figure(view, { value: "–", under: t("data.unread") });
    fault.replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => loadView(view)));
  }
  reading.delete(view);
  // What was never read has nothing to show but why.
  $(`#${view}`).classList.toggle("unread", !seen[view]);
}

function refusalFigure({ counts, replayable }) {
  const n = counts.reduce((sum, { count }) => sum + count, 0);
  return { value: number(n), mark: n ? glyph("s-refused") : null, under: replayable ? t("data.replayable", { n: number(replayable) }, replayable) : t("data.none_replayable") };
}

function gapFigure({ missing, sensors, heard, period }) {
  if (!heard) return { value: "–", under: t("gaps.no_lorawan_short") };
  const of = sensors ? t("gaps.of_sensors", { n: sensors }) : t("gaps.none");
  return { value: number(missing), mark: missing ? glyph("s-watch") : null, under: `${t(`period.${period}`)}, ${of}` };
}

function dayFigure({ ratio, short }) {
  if (ratio === null) return { value: "–", under: t("completeness.none_short") };
  return { value: number(Math.floor(ratio * 100)), unit: "%", under: short ? t("completeness.short", { n: number(short) }, short) : t("completeness.all_short") };
}

function sensorFigure({ unknown }) {
  const n = [...about.sensors.values()].filter((sensor) => !sensor.retired_at).length;
  return { value: number(n), mark: unknown ? glyph("s-watch") : null, under: unknown ? t("sensor.unknown", { n: number(unknown) }, unknown) : t("sensor.all_known") };
}

function ingestFigure({ lanes, open }) {
  if (!lanes) return { value: number(open), under: t("intake.under_way", {}, open) };
  const [worst] = lanes;
  if (!worst) return { value: "–", under: t("ingest.no_beat") };
  const under = open ? t("intake.open", { n: open }) : t(`ingest.under_${worst.state}`);
  if (worst.state === "silent") return { value: t("ingest.is_silent"), mark: glyph("s-silent"), under };
  const late = worst.latency_s;
  return { value: number(late, late < 10 ? 1 : 0), unit: "s", mark: worst.state === "late" ? glyph("s-watch") : null, under };
}

function storageFigure({ storage, failing }) {
  const [value, unit] = bytes(storage.database_bytes).split("\u00a0");
  if (failing) return { value, unit, mark: glyph("s-alarm"), under: t("storage.failing", { n: number(failing) }, failing) };
  const unsaved = isUnsaved(storage);
  return { value, unit, mark: unsaved ? glyph("s-watch") : null, under: t(unsaved ? "storage.unsaved" : "storage.saved") };
}

function healthFigure(levels) {
  const [alarms, watched] = ["alarm", "watch"].map((level) => levels.get(level)?.length ?? 0);
  if (alarms) return { value: number(alarms), mark: glyph("s-alarm"), under: t("health.page.alarm", { n: number(alarms) }, alarms) };
  if (watched) return { value: number(watched), mark: glyph("s-watch"), under: t("health.page.watch", { n: number(watched) }, watched) };
  return { value: number(0), under: t("health.page.all_good") };
}

function failed(error) {
  showVerdict([t("verdict.data_failed"), ""]);
  $("[data-lane-notes]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => location.reload()));
}

start();
