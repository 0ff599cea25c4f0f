/** Livraisons: what to say of each bay for the next hour, how bays are used, and which rule deserves a look. */

import "./communes.js";
import "./live.js";
import { address, read } from "./api.js";
import { phraseText, readDecisions } from "./decision.js";
import { begin, decidedWhere } from "./decision_page.js";
import { el, glyph } from "./element.js";
import { number } from "./formats.js";
import { showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { heatTable } from "./livraisons_heat.js";
import { nowTable, scoreTable } from "./livraisons_now.js";
import { dwellFigure, overTable, ruleTable } from "./livraisons_stays.js";
import { mayIn } from "./rights.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const KIND = "bay";
const REFRESH_MS = 30_000;

const $ = (selector) => document.querySelector(selector);
const [chooser, bar, why] = ["communes", "decide", "why"].map((name) => $(`vigie-${name}`));
let decision = null;
let newest = null;

async function load() {
  const commune = chooser.current.insee;
  const [decisions, sensors] = await Promise.all([readDecisions(KIND, commune), read("/sensors", { commune, kind: "bay", limit: 500 })]);
  showOrigins(sensors.items);
  if (decisions.length) show(decisions[0]);
  else await showNone();
}

function show(next) {
  decision = next;
  const { picture } = decision;
  $("[data-message]").hidden = true;
  $("[data-bays]").hidden = !picture.bays.length;
  $("[data-count]").textContent = t("livraisons.count", { n: picture.bays.length });
  const hardest = decision.reasons.find(({ key }) => key === "hardest_hour");
  showVerdict([phraseText(decision.headline, KIND), hardest ? phraseText(hardest, KIND) : ""]);
  newest = picture.bays.reduce((most, { seen_at: at }) => Math.max(most, Date.parse(at ?? 0)), 0) || null;
  showClock(newest);
  const link = $("[data-export]");
  link.hidden = !mayIn("export", decision.commune_insee);
  link.hidden = false;
  link.href = address(`/decisions/${decision.decision_id}/export`, { format: "csv" });
  bar.decision = decision;
  why.decision = decision;
  $("[data-figures]").replaceChildren(...figures(picture));
  $("[data-now]").replaceChildren(...nowTable(picture, decision.inputs));
  $("[data-scores]").replaceChildren(...scoreTable(picture.scores));
  $("[data-over]").replaceChildren(...overTable(picture.bays));
  $("[data-rules]").replaceChildren(...ruleTable(picture.rules));
  showChosen();
}

/** The heat map and the lengths of the bay that the address names, else of all. */
function showChosen() {
  const { picture } = decision;
  const chosen = picture.bays.find(({ code }) => code === get("bay") && code in picture.heat);
  const button = (code, name) =>
    el("button", { type: "button", "aria-pressed": String(code === (chosen?.code ?? "")), onclick: () => choose(code) }, name);
  const others = picture.bays.filter(({ code }) => code in picture.heat).map(({ code, name }) => button(code, name));
  $("[data-choice]").replaceChildren(button("", t("livraisons.all")), ...others);
  $("[data-heat]").replaceChildren(...heatTable(picture.heat[chosen?.code ?? ""], { days: picture.days, at: Date.parse(picture.at) }));
  // One bay has one rule to compare lengths with: of all, that which is looked at, else the first.
  const measured = chosen ?? picture.bays.find(({ code }) => code === picture.rules?.code) ?? picture.bays[0];
  $("[data-dwell-unit]").textContent = measured ? `${measured.name}, ${t("livraisons.dwell_unit", { n: picture.days })}` : "";
  $("[data-dwell]").replaceChildren(...(measured ? dwellFigure(measured, picture.dwell_edges_min) : []));
}

function choose(bay) {
  put({ bay });
  showChosen();
}

function figures({ bays, days, stays_today: stays }) {
  const free = bays.filter(({ state }) => state === "free").length;
  const silent = bays.filter(({ state }) => state === "unknown").length;
  const over = bays.filter(({ over_min: minutes }) => minutes > 0);
  const longest = Math.max(0, ...over.map(({ over_min: minutes }) => minutes));
  const medians = bays.map(({ median_min: minutes }) => minutes).filter((minutes) => minutes !== null).sort((a, b) => a - b);
  const figure = (name, value, under, mark = null) => el("div", {}, el("dt", {}, mark, name), el("dd", {}, ...value, el("span", { class: "d" }, under)));
  const unit = (text) => el("span", { class: "unit" }, text);
  return [
    figure(t("livraisons.free_now"), [number(free), " ", unit(t("livraisons.of", { n: bays.length }))], silent ? t("livraisons.silent_now", { n: silent }) : t("livraisons.all_heard")),
    figure(t("livraisons.overstaying"), [number(over.length)], over.length ? t("livraisons.longest", { n: longest }) : t("livraisons.none_over"), over.length ? glyph("s-alarm") : null),
    figure(t("livraisons.stays"), [stays === null ? "–" : number(stays)], t(stays === null ? "livraisons.unpublished" : "livraisons.arrivals_hint")),
    figure(t("livraisons.median"), medians.length ? [number(medians[Math.floor(medians.length / 2)]), " ", unit("min")] : ["–"], medians.length ? t("livraisons.median_hint", { n: days }) : t("livraisons.unpublished")),
    el("div", {}, el("dt", {}, t("livraisons.private")), el("dd", { class: "private" }, t("livraisons.private_hint"))),
  ];
}

/** No decision: say whether bays are followed here, and where else they are. */
async function showNone() {
  const { here, links } = await decidedWhere(KIND);
  const commune = chooser.current;
  const box = $("[data-message]");
  box.hidden = false;
  $("[data-bays]").hidden = true;
  showVerdict([t(here ? "livraisons.waiting" : "livraisons.none", { commune: commune.name }), here ? t("livraisons.waiting_quiet") : ""]);
  box.replaceChildren(...(here || !links.length ? [] : [el("p", { class: "lede" }, t("livraisons.none_quiet")), el("p", { class: "links" }, ...links)]));
}

showToday();
setInterval(() => showClock(newest), 1000);
begin({ words: "livraisons", box: $("[data-message]"), load, renew: show, refreshMs: REFRESH_MS });
