/** The page of one sensor: what it measures, whether that is expected, whether it is sound, and what people did with it. */

import "./chart.js";
import "./communes.js";
import "./live.js";
import { now } from "./api.js";
import { el } from "./element.js";
import { note, showClock, showOrigins, showVerdict } from "./frame.js";
import { showRailAlarms } from "./rail.js";
import { showActs, showAlarms } from "./sensor_alarms.js";
import { showBattery } from "./sensor_battery.js";
import { showFigures } from "./sensor_figures.js";
import { showFrames } from "./sensor_frames.js";
import { showGap } from "./sensor_gap.js";
import { showIdentity } from "./sensor_identity.js";
import { showJournal, showNote } from "./sensor_journal.js";
import { showNeighbours } from "./sensor_neighbours.js";
import { showPast } from "./sensor_past.js";
import { showQuality } from "./sensor_quality.js";
import { showRadio } from "./sensor_radio.js";
import { readSensor } from "./sensor_reading.js";
import { sentence } from "./sensor_sentence.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

/** The parts of the page; each says false where this sensor has nothing of it. */
const PARTS = {
  past: showPast, gap: showGap, quality: showQuality, radio: showRadio, battery: showBattery, journal: showJournal, note: showNote,
  alarms: showAlarms, identity: showIdentity, frames: showFrames, neighbours: showNeighbours,
};
// What goes with the series that is shown; the rest is of the sensor.
const OF_SERIES = ["past", "gap", "identity", "neighbours"];
// What is drawn from the facts that stand above the chart.
const OF_FACTS = ["gap", "quality", "radio", "battery"];
const REFRESH_MS = 60_000;
// What a reading or an alarm changes is read again at most so often.
const SOON_MS = 2000;

const $ = (selector) => document.querySelector(selector);
const [chart, live, chooser] = ["chart", "live", "communes"].map((name) => $(`vigie-${name}`));
let about;
let waiting = 0;
let read = 0;

async function start() {
  if (!get("sensor") && !get("series")) return location.replace(`/supervision${location.search}`);
  try {
    about = await readSensor({ sensor: get("sensor"), series: get("series") });
  } catch (error) {
    return failed(error);
  }
  put({ sensor: about.sensor.sensor_id, series: about.series?.series_id, commune: about.sensor.site.commune_insee });
  about.again = (words) => renew(words);
  chooser.load().catch(() => {});
  showOrigins([about.sensor]);
  showCrumb();
  listen();
  setInterval(tick, 1000);
  await showAll();
  live.follow(about.sensor.site.commune_insee);
  return undefined;
}

async function showAll() {
  showChart();
  await showParts(Object.keys(PARTS));
}

/** Read parts side by side; those that are drawn from the facts wait for them. */
const showParts = (names) => Promise.all([showFacts().then(() => Promise.all(names.filter((name) => OF_FACTS.includes(name)).map(showPart))), ...names.filter((name) => !OF_FACTS.includes(name)).map(showPart)]);

/** Read what stands above the chart, and say it. */
async function showFacts() {
  read = now();
  try {
    await about.read();
  } catch (error) {
    showVerdict([t("sensor_page.failed"), ""]);
    $("[data-told]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), showFacts));
    return;
  }
  showVerdict(sentence(about, now()));
  showFigures($("[data-figures]"), about);
  showActs($("[data-acts]"), about);
  showClock(about.newest);
  showRailAlarms(about.waiting);
  chart.bound(about.limits, about.state);
}

/** One part; where it cannot be read, it says why in its own place. */
async function showPart(name) {
  const section = $(`[data-part="${name}"]`);
  const [box, links, unit] = ["body", "links", "unit"].map((role) => section.querySelector(`[data-${role}]`));
  try {
    const shown = await PARTS[name]({ box, links, unit }, about);
    section.hidden = shown === false;
  } catch (error) {
    box.replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => showPart(name)));
  }
  arrange();
}

/** What stands on one line: where a part is not there, the others take its room. */
const LINES = [["past", "gap"], ["quality", "radio", "battery"], ["journal", "note"], ["alarms", "identity"], ["frames", "neighbours"]];

function arrange() {
  for (const line of LINES) {
    const parts = line.map((name) => $(`[data-part="${name}"]`));
    const shown = parts.filter((part) => !part.hidden).length;
    for (const part of parts) {
      part.classList.toggle("alone", shown === 1);
      part.classList.toggle("half", shown === 2 && line.length === 3);
    }
  }
}

function showCrumb() {
  const { sensor, series } = about;
  const [home] = $("[data-crumb]").children;
  const slash = () => el("span", { "aria-hidden": "true" }, "/");
  const site = el("a", { href: `/supervision?${new URLSearchParams({ commune: sensor.site.commune_insee, search: sensor.site.name })}` }, sensor.site.name);
  const origin = sensor.origin === "field" ? null : el("span", { class: "simulated", title: t(`origin.${sensor.origin}_hint`) }, t(`origin.sensor_${sensor.origin}`));
  const metric = series && t(`metric.${series.metric.metric}`);
  // Where a site has one sensor, both have often one name.
  const named = !series ? sensor.name : sensor.name === sensor.site.name ? metric : t("sensor_page.crumb", { sensor: sensor.name, metric });
  $("[data-crumb]").replaceChildren(home, slash(), site, slash(), el("span", { class: "here" }, named), ...(origin ? [origin] : []));
  document.title = `${sensor.name}${metric ? `, ${metric}` : ""} · Vigie`;
}

function showChart() {
  chart.closest("section").hidden = !about.series;
  const zoom = ["from", "until"].map((name) => Date.parse(get(name)));
  const zoomed = zoom.every(Number.isFinite) && zoom[0] < zoom[1];
  if (about.series) chart.show(about.series, get("period") || "7d", zoomed ? { from: zoom[0], until: zoom[1] } : null);
}

/** Another series, period or zoom was chosen: the address says it, and back returns. */
function view({ series, period, zoom }) {
  const instant = (at) => (zoom ? new Date(at).toISOString() : "");
  put({ series: series.series_id, period: period === "7d" ? "" : period, from: instant(zoom?.from), until: instant(zoom?.until) }, { step: true });
  follow();
}

function follow() {
  const other = about.choose(Number(get("series")));
  showCrumb();
  showChart();
  if (other) showParts(OF_SERIES);
}

/** Read again what a person's act changed, and say it. */
async function renew(words) {
  $("[data-told]").replaceChildren(...(words ? [el("p", { class: "note accent" }, words)] : []));
  try {
    await about.renew();
  } catch (error) {
    return failed(error);
  }
  showCrumb();
  return showParts(["journal", "alarms", "identity", "quality"]);
}

function soon() {
  waiting ||= setTimeout(() => {
    waiting = 0;
    showFacts();
  }, SOON_MS);
}

function tick() {
  if (document.hidden || !read) return;
  showClock(about.newest);
  if (now() - read > REFRESH_MS) showFacts();
}

function listen() {
  document.addEventListener("vigie:view", ({ detail }) => view(detail));
  document.addEventListener("vigie:readings", ({ detail: { items } }) => {
    chart.take(items);
    if (about.take(items)) soon();
  });
  document.addEventListener("vigie:forecasts", ({ detail }) => {
    chart.renew(detail.series);
    if (detail.series.has(about.series?.series_id)) soon();
  });
  document.addEventListener("vigie:alarms", ({ detail: { items } }) => {
    if (!items.some(({ sensor_id: id }) => id === about.sensor.sensor_id)) return;
    soon();
    if (!busy()) showPart("alarms");
  });
  document.addEventListener("vigie:reset", () => showAll());
  addEventListener("popstate", follow);
}

/** Whether a person is at work in the list of alarms or in a dialog: it then stays as it is. */
const busy = () => document.querySelector('dialog[open], [data-part="alarms"] :focus') !== null;

function failed(error) {
  showVerdict([t(error.status === 404 ? "sensor_page.absent" : "sensor_page.failed"), ""]);
  $("[data-figures]").remove();
  $("[data-parts]").replaceChildren(el("div", { class: "c12" }, note(t("data.failed", { why: error.message }), t("list.retry"), () => location.reload())));
}

start();
