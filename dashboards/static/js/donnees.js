/** Données: what was refused and why, who publishes without being known, what was stored. */

import "./adoption.js";
import "./communes.js";
import { now, read, readAll } from "./api.js";
import { el } from "./element.js";
import { note, showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { dayTable, total } from "./reception.js";
import { reasonTable, refusal, unknownTable } from "./refusals.js";
import { get, put } from "./url.js";
import { refusals } from "./verdict.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
const REFRESH_MS = 30_000;
const PAGE = 20;

const $ = (selector) => document.querySelector(selector);
const chooser = $("vigie-communes");
let newest = null;
let oldest = null;
let told = null;
// Their messages stay aside until ingest reads them; they are no longer to adopt.
const adopted = new Set();

const commune = () => (get("scope") === "commune" ? chooser.current.insee : undefined);

async function start() {
  showToday();
  try {
    await chooser.load();
    press();
    listen();
    await loadAll();
  } catch (error) {
    failed(error);
  }
  setInterval(() => showClock(newest), 1000);
  setInterval(() => !document.hidden && !untouchable() && loadAll().catch(failed), REFRESH_MS);
}

/** Whether a person reads a message or fills the form: the page then stays as it is. */
const untouchable = () => document.querySelector("details.refusal[open], dialog[open]") !== null;

async function loadAll() {
  const until = now();
  const window = { from: new Date(until - DAY_MS).toISOString(), until: new Date(until).toISOString() };
  const [counts, page, unknown, reception, sensors, latest] = await Promise.all([
    read("/rejections/counts", { commune: commune(), ...window }),
    read("/rejections", { commune: commune(), limit: PAGE }),
    read("/unknown-sensors"),
    read("/reception", { commune: commune(), minutes: 1440 }),
    readAll("/sensors", { commune: chooser.current.insee }),
    read("/latest", { commune: chooser.current.insee }),
  ]);
  const sorted = counts.items.filter(({ count }) => count).sort((a, b) => b.count - a.count);
  const strangers = unknown.items.filter(({ external_id: id }) => !adopted.has(id));
  newest = latest.items.reduce((most, { observed_at: at }) => Math.max(most, Date.parse(at)), 0) || null;
  showOrigins(sensors);
  showClock(newest);
  showVerdict(refusals(sorted, strangers.length));
  $("[data-reasons]").replaceChildren(reasonTable(sorted));
  $("[data-unknown]").replaceChildren(...(told ? [told] : []), unknownTable(strangers, adopt));
  $("[data-reception]").replaceChildren(total(reception.items) ? dayTable(reception.items) : el("p", { class: "lede none" }, t("reception.none")));
  $("[data-refusals]").replaceChildren();
  showRefusals(page);
}

function showRefusals({ items, next }) {
  const box = $("[data-refusals]");
  box.append(...items.map(refusal));
  if (!box.childElementCount) box.append(el("p", { class: "lede none" }, t("data.none")));
  oldest = next ?? null;
  $("[data-older]").hidden = oldest === null;
}

function adopt(sensor) {
  told = null;
  $("vigie-adoption").open(sensor, chooser.communes, chooser.current);
}

function failed(error) {
  showVerdict([t("verdict.data_failed"), ""]);
  $("[data-reasons]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => location.reload()));
}

function press() {
  const scoped = get("scope") === "commune";
  for (const button of document.querySelectorAll("[data-scope] button")) {
    button.setAttribute("aria-pressed", String(Boolean(button.dataset.all) !== scoped));
  }
}

function listen() {
  $("[data-scope]").addEventListener("click", ({ target }) => {
    if (!target.dataset || !("all" in target.dataset)) return;
    put({ scope: target.dataset.all ? "" : "commune" });
    press();
    loadAll().catch(failed);
  });
  $("[data-older]").addEventListener("click", async () => showRefusals(await read("/rejections", { commune: commune(), before: oldest, limit: PAGE })));
  document.addEventListener("vigie:adopted", ({ detail }) => {
    adopted.add(detail.external_id);
    told = el("p", { class: "note accent", role: "status" }, t("adopt.done", { name: detail.name }));
    loadAll().catch(failed);
  });
}

start();
