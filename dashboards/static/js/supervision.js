/** Supervision: what is broken, stale or alarming in a commune, and where; the chart of one series; live. */

import "./chart.js";
import "./communes.js";
import "./list.js";
import "./live.js";
import "./ticker.js";
import { completeAddress } from "./addressed.js";
import { now, read } from "./api.js";
import { el, patch } from "./element.js";
import { number, percent } from "./formats.js";
import { note, showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { dayStart } from "./paris.js";
import { Picture } from "./picture.js";
import { kindTable, lately, perStep } from "./reception.js";
import { spark } from "./spark.js";
import { get, put } from "./url.js";
import { supervision } from "./verdict.js";
import { t } from "./words.js";

// States and expected ranges come from the API: read again soon after something moved, and now and then.
const SOON_MS = 2000;
const LEAST_MS = 5000;
const REFRESH_MS = 30_000;
const KINDS = ["indoor_air", "bin", "bay", "meter", "outdoor_air", "counter"];

const $ = (selector) => document.querySelector(selector);
const [list, chart, live, ticker, chooser] = ["sensors", "chart", "live", "ticker", "communes"].map((name) => $(`vigie-${name}`));
let picture;
let commune;
let reception = [];
let refreshed = 0;
let waiting = 0;

async function start() {
  showToday();
  setInterval(tick, 1000);
  try {
    await completeAddress();
    commune = await chooser.load();
    listen();
    await loadAll();
    // The feed starts once there are rows to write to; what came meanwhile is in the first re-reading.
    live.follow(commune.insee);
  } catch (error) {
    failed(error);
  }
}

async function loadAll() {
  picture = await new Picture(commune.insee).load();
  refreshed = now();
  showOrigins([...picture.rows.values()].map((row) => row.sensor));
  if (!picture.rows.size) return showEmpty();
  document.body.classList.remove("empty");
  showKinds();
  list.show(picture);
  list.narrow({ kind: get("kind"), search: get("search"), state: get("state") || "all" });
  press("[data-figures] button", "state", get("state") || "all");
  showStates();
  showClock(picture.newest);
  openChosen();
  loadReception().catch(failed);
}

/** The series of the address, else the main one of the worst sensor shown. */
function openChosen() {
  const asked = picture.series.get(Number(get("series")));
  const first = document.querySelector("vigie-sensors a.row");
  const worst = first && picture.series.get(Number(new URL(first.href).searchParams.get("series")));
  const series = asked ?? worst ?? [...picture.series.values()][0];
  if (series) open(series, get("period") || "7d");
}

function open(series, period, step = false) {
  if (step) put({ series: series.series_id, period: period === "7d" ? "" : period }, { step });
  list.select(series.row);
  return chart.show(series, period);
}

function showStates() {
  const counts = picture.counts();
  const share = counts.total ? percent(counts.normal / counts.total, counts.normal === counts.total ? 0 : 1) : "";
  const hints = {
    all: t("figures.kinds", { n: picture.kinds.length }), watch: t("figures.watch_hint"), silent: t("figures.silent_hint"),
    suspect: t("figures.suspect_hint"), normal: t("figures.share", { share }),
  };
  for (const button of document.querySelectorAll("[data-figures] button")) {
    const { state } = button.dataset;
    patch(button.querySelector(".v"), number(state === "all" ? counts.total : counts[state]));
    patch(button.querySelector(".d"), hints[state]);
  }
  const newest = picture.newest === null ? null : now() - picture.newest;
  showVerdict(supervision(counts, { commune: commune.name, waiting: picture.waiting, newest }));
  $("[data-reception]").replaceChildren(kindTable(picture, reception));
}

function showKinds() {
  const button = (kind, name) => el("button", { type: "button", "aria-pressed": String(kind === get("kind")), "data-kind": kind }, name);
  const kinds = KINDS.filter((kind) => picture.kinds.includes(kind));
  $("[data-kinds]").replaceChildren(button("", t("kinds.all")), ...kinds.map((kind) => button(kind, t(`kinds.${kind}`))));
  $("[data-search]").value = get("search");
}

async function loadReception() {
  const [came, refused] = await Promise.all([
    read("/reception", { commune: commune.insee, minutes: 60 }),
    read("/rejections/counts", { commune: commune.insee, from: new Date(dayStart(now())).toISOString(), until: new Date(now()).toISOString() }),
  ]);
  reception = came.items;
  const n = refused.items.reduce((sum, { count }) => sum + count, 0);
  const box = $("[data-received]");
  box.querySelector(".v").replaceChildren(number(lately(reception, 10)), spark(perStep(reception, 60, 2), { gap: Infinity, floor: 0 }));
  const link = el("a", { href: `/donnees?commune=${commune.insee}` }, t("figures.why"));
  box.querySelector(".d").replaceChildren(...(n ? [t("figures.refused", { n }).replace(String(n), number(n)), link] : [t("figures.none_refused")]));
  showStates();
}

function showEmpty() {
  document.body.classList.add("empty");
  showVerdict(supervision(picture.counts(), { commune: commune.name, waiting: 0, newest: null }));
  list.setAttribute("aria-busy", "false");
  list.replaceChildren(
    el(
      "div",
      { class: "note accent" },
      el("span", {}, t("list.empty_next")),
      el("a", { class: "btn", href: `/donnees?commune=${commune.insee}` }, t("list.empty_link")),
    ),
  );
}

function failed(error) {
  showVerdict([t("verdict.failed"), ""]);
  list.setAttribute("aria-busy", "false");
  list.replaceChildren(note(t("list.failed", { why: error.message }), t("list.retry"), () => location.reload()));
}

/** Every second: ages grow; now and then states are read again. */
function tick() {
  if (!picture || document.hidden) return;
  showClock(picture.newest);
  list.tick();
  const rate = ticker.rate;
  patch($("[data-rate]"), rate === null ? "" : t("ticker.rate", { n: rate }));
  if (now() - refreshed > REFRESH_MS) refresh();
}

function soon() {
  waiting ||= setTimeout(refresh, Math.max(SOON_MS, LEAST_MS - (now() - refreshed)));
}

async function refresh() {
  clearTimeout(waiting);
  waiting = 0;
  refreshed = now();
  try {
    const before = JSON.stringify(picture.counts());
    list.touch(await picture.refresh());
    if (before !== JSON.stringify(picture.counts()) && !list.busy) list.arrange();
    await loadReception();
  } catch {
    // The live feed's banner says that the server is away; the next tick tries again.
  }
}

function press(selector, name, value) {
  for (const button of document.querySelectorAll(selector)) button.setAttribute("aria-pressed", String(button.dataset[name] === value));
}

function narrow(filter) {
  put({ state: filter.state === "all" ? "" : filter.state ?? get("state"), kind: filter.kind ?? get("kind"), search: filter.search ?? get("search") });
  press("[data-figures] button", "state", get("state") || "all");
  press("[data-kinds] button", "kind", get("kind"));
  $("[data-search]").value = get("search");
  if (picture?.rows.size) list.narrow({ state: get("state") || "all", kind: get("kind"), search: get("search") });
}

function listen() {
  $("[data-figures]").addEventListener("click", ({ target }) => target.closest("button") && narrow({ state: target.closest("button").dataset.state }));
  $("[data-kinds]").addEventListener("click", ({ target }) => target.closest("button") && narrow({ kind: target.closest("button").dataset.kind }));
  $("[data-search]").addEventListener("input", ({ target }) => narrow({ search: target.value }));
  document.addEventListener("vigie:cleared", () => narrow({ state: "all", kind: "", search: "" }));
  document.addEventListener("vigie:chosen", ({ detail: row }) => chooseRow(row));
  document.addEventListener("vigie:view", ({ detail }) => open(detail.series, detail.period, true));
  document.addEventListener("vigie:readings", ({ detail }) => takeReadings(detail));
  document.addEventListener("vigie:forecasts", ({ detail }) => (chart.renew(detail.series), soon()));
  document.addEventListener("vigie:reset", () => loadAll().catch(failed));
  document.addEventListener("vigie:connection", ({ detail }) => detail.alive && soon());
  addEventListener("popstate", () => picture && openChosen());
  $("[data-pause]").addEventListener("click", ({ target }) => {
    const paused = ticker.toggle();
    target.setAttribute("aria-pressed", String(paused));
    patch(target, t(paused ? "ticker.resume" : "ticker.pause"));
  });
  copyLink($("[data-copy]"));
}

function chooseRow(row) {
  if (!row.main) return;
  open(row.main, get("period") || "7d", true);
  const box = chart.getBoundingClientRect();
  if (box.top < 0 || box.top > innerHeight * 0.7) chart.scrollIntoView({ block: "start" });
}

function takeReadings({ items, arrivals, count }) {
  const { touched, strangers } = picture.apply(items);
  // A sensor that was adopted since: the whole is read again.
  if (strangers) return loadAll().catch(failed);
  list.touch(touched);
  ticker.take(picture, arrivals, count);
  chart.take(items);
  showClock(picture.newest);
  soon();
  return undefined;
}

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
