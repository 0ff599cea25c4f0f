/** Supervision: what is broken, stale or alarming, and where; in a commune or in all that a person sees; live. */

import "./communes.js";
import "./list.js";
import "./live.js";
import "./map.js";
import "./queue.js";
import "./ticker.js";
import { AlarmBook } from "./alarms.js";
import { now, read } from "./api.js";
import { el, patch } from "./element.js";
import { note, showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { isKiosk, Kiosk, turnS } from "./kiosk.js";
import { plain } from "./picture.js";
import { showRailAlarms } from "./rail.js";
import { CommuneScale } from "./scale_commune.js";
import { MetropoleScale } from "./scale_metropole.js";
import { press, readReceived, showFigures } from "./supervision_figures.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

// The alarms are read again soon after one moved, and all now and then: the less often the more there is to read.
const SOON_MS = 2000;
const REFRESH_MS = 30_000;
const REFRESH_MS_PER_SENSOR = 24;
const STRANGERS_MS = 60_000;
const RETRY_MS = 30_000;
const KINDS = ["indoor_air", "bin", "bay", "meter", "outdoor_air", "counter"];

const $ = (selector) => document.querySelector(selector);
const [list, map, queue, live, ticker, chooser] = ["sensors", "map", "queue", "live", "ticker", "communes"].map((name) => $(`vigie-${name}`));
const communeList = $("[data-communes]");
const kiosk = isKiosk() ? new Kiosk() : null;
let scale = null;
let book = new AlarmBook();
let reception = [];
let refreshed = 0;
let heeded = 0;
let waiting = 0;
let dirty = false;
let strangers = 0;

async function start() {
  // A series has a page of its own; links to it of before lead there.
  if (get("series")) return location.replace(`/capteur?series=${encodeURIComponent(get("series"))}`);
  kiosk?.start();
  showToday();
  setInterval(tick, 1000);
  listen();
  return enter(() => chooser.load({ whole: t("supervision.metropole") }));
}

/** Show a place: everything is read, then the feed is followed. */
async function enter(choose) {
  try {
    const place = await choose();
    const next = place.insee === "all" ? new MetropoleScale({ map, list: communeList }) : new CommuneScale(place, { map, list });
    document.body.classList.toggle("whole", place.insee === "all");
    await load(next);
    live.follow(next.insee);
  } catch (error) {
    failed(error, () => enter(choose));
  }
}

async function load(next) {
  const [found, quantities, summary] = await Promise.all([AlarmBook.read(next.insee ?? undefined), read("/quantities"), read("/metropole")]);
  book = found;
  next.begin({ book, metrics: quantities.items, summary: summary.items });
  if (!scale) preview(next);
  await next.load();
  scale = next;
  refreshed = heeded = now();
  showOrigins([...scale.sensors, ...book.items.flatMap(({ sensor }) => sensor ?? [])]);
  document.body.classList.toggle("empty", scale.empty);
  if (scale.empty) return showEmpty();
  showKinds();
  showView();
  queue.narrow(inQueue);
  follow();
  showBook();
  showStates();
  ticker.begin(scale.picture ?? null);
  return loadReception().catch(failed);
}

/** What asks for somebody stands before the thousands of sensors are read: the summary of the commune says the rest. */
function preview(next) {
  if (!next.counts.total) return;
  showFigures(next.counts, next.hints, book);
  showVerdict(next.verdict(null));
  queue.narrow(inQueue);
  queue.show(book, { metrics: next.metrics, commune: next.insee ?? "" });
}

/** What the address says: filters, the alarm that is looked at, map or list. */
function follow() {
  const filter = { state: get("state") || "all", kind: get("kind"), search: get("search"), muted: get("muted") === "1" };
  press("[data-figures] button", "state", filter.state);
  press("[data-kinds] button", "kind", filter.kind);
  if ($("[data-search]").value !== filter.search) $("[data-search]").value = filter.search;
  $("[data-muted]").checked = filter.muted;
  $("[data-wall]").href = `?${new URLSearchParams({ commune: get("commune"), kiosk: "1" })}`;
  scale.narrow(filter);
  queue.narrow(inQueue);
  const alarm = book.find(Number(get("alarm")));
  if (alarm) queue.choose(alarm.alarm_id);
}

function narrow(values) {
  put(values);
  if (scale && !scale.empty) follow();
}

/** Whether an alarm is of the kind and has the words that are asked for. */
function inQueue(alarm) {
  const [kind, search] = [get("kind"), plain(get("search"))];
  const words = plain([alarm.title, alarm.detail, alarm.site?.name, alarm.sensor?.name, alarm.sensor?.external_id].join(" "));
  return (!kind || alarm.sensor?.kind === kind) && (!search || words.includes(search));
}

function showBook() {
  queue.show(book, { metrics: scale.metrics, newest: (series) => scale.newestOf(series), commune: scale.insee ?? "" });
  scale.choose(book.find(queue.chosen));
  scale.call(queue.numbered);
  showRailAlarms(book.toTreat.length);
  patch($("[data-urgency]"), book.toTreat.length > 1 ? t("supervision.by_urgency") : "");
}

function showStates() {
  dirty = false;
  const { counts } = scale;
  showFigures(counts, scale.hints, book);
  const newest = scale.newest === null ? null : now() - scale.newest;
  showVerdict(scale.verdict(newest));
  showClock(scale.newest);
}

async function loadReception() {
  reception = await readReceived(scale.insee ?? undefined);
  showReception();
}

const showReception = () => $("[data-reception]").replaceChildren(scale.reception(reception));

function showKinds() {
  const button = (kind, name) => el("button", { type: "button", "aria-pressed": String(kind === get("kind")), "data-kind": kind }, name);
  const kinds = KINDS.filter((kind) => scale.kinds.includes(kind));
  $("[data-kinds]").hidden = !kinds.length;
  $("[data-kinds]").replaceChildren(button("", t("kinds.all")), ...kinds.map((kind) => button(kind, t(`kinds.${kind}`))));
}

/** Map or list; without contours there is no map to show. */
function showView() {
  const asList = get("view") === "list" || map.hidden;
  press("[data-view]", "view", asList ? "list" : "");
  $("[data-map]").hidden = asList;
  $("[data-list]").hidden = !asList;
  [list.hidden, communeList.hidden] = [scale.insee === null, scale.insee !== null];
  patch($("#list-title"), t(scale.insee === null ? "supervision.communes_title" : "list.title"));
  scale.settle();
  if (asList) return;
  scale.draw();
  scale.call(queue.numbered);
}

function showEmpty() {
  showVerdict(scale.verdict(null));
  const next = scale.insee === null ? [] : [el("a", { class: "btn", href: `/donnees?commune=${scale.insee}&view=registry` }, t("list.empty_link"))];
  $("[data-nothing]").replaceChildren(el("div", { class: "note accent" }, el("span", {}, t("list.empty_next")), ...next));
  $("[data-nothing]").hidden = false;
}

/** What could not be read is said with a way out; on a wall nobody is there to take it. */
function failed(error, again = () => location.reload()) {
  showVerdict([t("verdict.failed"), ""]);
  for (const node of [list, queue]) node.setAttribute("aria-busy", "false");
  const box = $("[data-nothing]");
  const retry = () => {
    box.hidden = true;
    again();
  };
  box.replaceChildren(note(t("list.failed", { why: error.message }), t("list.retry"), retry));
  box.hidden = false;
  if (kiosk) setTimeout(retry, RETRY_MS);
}

/** Every second: ages grow, what moved is counted; now and then all is read again. */
function tick() {
  kiosk?.tick();
  if (!scale || scale.empty || document.hidden) return;
  if (dirty) showStates();
  else showClock(scale.newest);
  list.tick();
  queue.tick();
  const rate = ticker.rate;
  patch($("[data-rate]"), rate === null ? "" : t("ticker.rate", { n: rate }));
  if (now() - heeded > REFRESH_MS) heed();
  if (now() - refreshed > Math.max(REFRESH_MS, REFRESH_MS_PER_SENSOR * scale.counts.total)) refresh();
}

/** Read the alarms again, soon. */
function soon() {
  waiting ||= setTimeout(heed, Math.max(0, SOON_MS - (now() - heeded)));
}

async function heed() {
  clearTimeout(waiting);
  waiting = 0;
  heeded = now();
  const at = scale;
  try {
    const found = await AlarmBook.read(at.insee ?? undefined);
    if (at !== scale) return;
    book = found;
  } catch {
    return; // The connection says so itself.
  }
  scale.heed(book);
  showBook();
  showStates();
  if (reception) showReception();
}

async function refresh() {
  refreshed = now();
  const at = scale;
  try {
    await at.refresh();
    if (at === scale) await loadReception();
  } catch {
    return; // As above.
  }
  dirty = true;
}

function takeReadings({ items, arrivals, count }) {
  if (!scale || scale.empty) return;
  const known = scale.take({ items });
  ticker.take(scale.picture ?? null, arrivals, count);
  dirty = true;
  // A sensor that was adopted since: the whole is read again, once in a while.
  if (!known && now() - strangers > STRANGERS_MS) {
    strangers = now();
    anew();
  }
}

const anew = () => load(scale).catch(failed);

function listen() {
  const pressed = (selector, name, key) => $(selector).addEventListener("click", ({ target }) => target.closest("button") && narrow({ [key]: target.closest("button").dataset[name] }));
  pressed("[data-kinds]", "kind", "kind");
  $("[data-figures]").addEventListener("click", ({ target }) => {
    const state = target.closest("button")?.dataset.state;
    if (state) narrow({ state: state === "all" ? "" : state });
  });
  $("[data-search]").addEventListener("input", ({ target }) => narrow({ search: target.value }));
  $("[data-muted]").addEventListener("change", ({ target }) => narrow({ muted: target.checked ? "1" : "" }));
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => {
      put({ view: button.dataset.view }, { step: true });
      showView();
    });
  }
  $("[data-pause]").addEventListener("click", ({ target }) => {
    const paused = ticker.toggle();
    target.setAttribute("aria-pressed", String(paused));
    patch(target, t(paused ? "ticker.resume" : "ticker.pause"));
  });
  addEventListener("popstate", () => scale && !scale.empty && (follow(), showView()));
  copyLink($("[data-copy]"));
  listenFurther();
}

/** What the parts of the page tell each other. */
function listenFurther() {
  const on = (name, run) => document.addEventListener(`vigie:${name}`, ({ detail }) => run(detail));
  on("cleared", () => narrow({ state: "", kind: "", search: "" }));
  on("alarm-chosen", (alarm) => {
    put({ alarm: alarm?.alarm_id });
    scale.choose(alarm);
  });
  on("alarms-moved", () => heed());
  on("map-chosen", ({ id }) => pointAt(id));
  on("map-commune", ({ insee }) => chooser.communes.some((one) => one.insee === insee) && location.assign(`/supervision?commune=${insee}`));
  on("readings", takeReadings);
  on("alarms", soon);
  on("forecasts", () => (refreshed -= REFRESH_MS));
  on("reset", () => scale && anew());
  on("connection", ({ alive }) => alive && scale && soon());
  const seconds = kiosk ? turnS() : 0;
  if (seconds) setInterval(turn, seconds * 1000);
}

/** A sensor of the map: its alarm in the queue, and what is known of it. */
function pointAt(id) {
  const alarm = book.items.find(({ sensor }) => sensor?.sensor_id === id);
  if (alarm) queue.choose(alarm.alarm_id);
  map.choose(id);
  const card = scale.card(id);
  $("[data-pointed]").replaceChildren(...(card ? [card] : []));
}

/** On a wall: the next commune that has sensors. */
function turn() {
  if (!scale || !banner.hidden) return;
  const places = chooser.communes.filter(({ sensors }) => sensors);
  const next = places[(places.findIndex(({ insee }) => insee === scale.insee) + 1) % places.length];
  if (!next || next.insee === scale.insee) return;
  chooser.name(next);
  enter(() => next);
}

const banner = $("vigie-banner");

function copyLink(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    patch(button, t("frame.copied"));
    setTimeout(() => patch(button, t("frame.copy_link")), 2000);
  });
}

start();
