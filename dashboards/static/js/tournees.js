/** Rounds: which bins are worth the detour, by which truck and in what order; a person approves. */

import "./communes.js";
import "./live.js";
import { address, now, readAll } from "./api.js";
import { phraseText, readDecisions } from "./decision.js";
import { begin } from "./decision_page.js";
import { el } from "./element.js";
import { date, minute, moment, number, percent } from "./formats.js";
import { showClock, showOrigins, showVerdict } from "./frame.js";
import { mayIn } from "./rights.js";
import { askLink } from "./tournees_link.js";
import { roundMap } from "./tournees_map.js";
import { compareTable, hasMore, leftTable, stopTable, truckTable } from "./tournees_tables.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const KIND = "round";
const $ = (selector) => document.querySelector(selector);
const chooser = $("vigie-communes");
let decisions = [];
let shown = null;
let everyLeft = false;

async function load() {
  const commune = chooser.current;
  showOrigins(await readAll("/sensors", { commune: commune.insee }));
  decisions = (await readDecisions(KIND, commune.insee)).sort((a, b) => a.subject.localeCompare(b.subject));
  const asked = `${commune.insee}:${get("fleet")}`;
  show(decisions.find(({ subject }) => subject === asked) ?? busiest());
}

/** The fleet with most to do, when the address asks for none. */
const busiest = () => decisions.reduce((best, one) => ((one.figures.bins ?? 0) > (best?.figures.bins ?? -1) ? one : best), null);

function show(decision) {
  shown = decision;
  $("[data-note]").hidden = true;
  $("[data-acts]").hidden = !decision;
  $("vigie-decide").decision = decision;
  if (!decision) {
    $("[data-round]").hidden = true;
    return showVerdict([t("tournees.none", { commune: chooser.current.name }), t("tournees.none_hint")]);
  }
  $("vigie-why").decision = decision;
  showVerdict([phraseText(decision.headline, KIND), decision.soundness === "degraded" ? t("decision.common.degraded") : ""]);
  showFleets();
  const { picture } = decision;
  $("[data-round]").hidden = false;
  for (const part of ["figures", "trucks-part", "stops-part", "left-part", "map"]) $(`[data-${part}]`).hidden = decision.soundness === "impossible";
  document.querySelector(".compare").hidden = decision.soundness === "impossible";
  $("[data-day]").textContent = picture.day ? t("tournees.for_day", { day: date(Date.parse(decision.window.start)) }) : "";
  if (decision.soundness !== "impossible") showRound(decision);
}

function showRound({ picture, decision_id: id }) {
  const observed = [...picture.stops, ...picture.left_out].map((bin) => Date.parse(bin.observed_at ?? "")).filter(Number.isFinite);
  showClock(observed.length ? Math.max(...observed) : null);
  showFigures();
  const link = (format) => el("a", { href: address(`/decisions/${id}/export`, { format }), download: `${shown.subject.replace(":", "-")}.${format}` }, t(`tournees.${format}`));
  $("[data-exports]").replaceChildren(...(mayIn("export", shown.commune_insee) ? [link("geojson"), link("csv")] : []));
  $("[data-send]").hidden = !mayIn("decide_round", shown.commune_insee) || ["refused", "superseded"].includes(shown.state);
  $("[data-compare]").replaceChildren(compareTable(shown));
  const none = picture.trucks.length === 0;
  $("[data-trucks-part]").hidden = none;
  $("[data-stops-part]").hidden = none;
  showTruck(picture.trucks.some(({ code }) => code === get("truck")) ? get("truck") : picture.trucks[0]?.code);
  showLeft();
}

function showTruck(code) {
  const { picture } = shown;
  const truck = picture.trucks.find((one) => one.code === code);
  $("[data-map]").replaceChildren(...roundMap(picture, code));
  if (!truck) return;
  const choose = (other) => {
    put({ truck: other });
    showTruck(other);
  };
  const button = ({ code: own, name }) => el("button", { type: "button", "aria-pressed": String(own === code), onclick: () => choose(own) }, name);
  $("[data-choose]").replaceChildren(...(picture.trucks.length > 1 ? picture.trucks.map(button) : []));
  $("[data-trucks]").replaceChildren(truckTable(picture, code, choose));
  $("[data-stops]").replaceChildren(stopTable(picture, truck));
  showSheet(truck);
}

/** The head of the printed sheet of one truck. */
function showSheet(truck) {
  const line = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  $("[data-sheet]").replaceChildren(
    el("p", { class: "h" }, truck.name),
    el("p", {}, `${t("tournees.sheet_date", { day: date(Date.parse(truck.start)) })} · ${chooser.current.name}`),
    el(
      "dl",
      {},
      line(t("tournees.departure"), `${minute(Date.parse(truck.start))}, ${shown.picture.garage.name}`),
      line(t("tournees.stops"), number(truck.stops)),
      line(t("tournees.km"), number(truck.distance_km, 1)),
      line(t("tournees.load"), `${number(truck.load_kg)}\u00a0kg`),
      line(t("tournees.unloading"), truck.unloadings.map((at) => minute(Date.parse(at))).join(", ")),
      line(t("tournees.return"), minute(Date.parse(truck.end))),
    ),
  );
}

function showFigures() {
  const { figures, alternatives, picture } = shown;
  const fixed = alternatives.find(({ name }) => name === "fixed").figures;
  const against = (text) => (fixed.bins ? t("tournees.against_fixed", { value: text }) : t("tournees.no_fixed"));
  const [low, high] = picture.overflows_range;
  const quiet = (text) => el("span", { class: "unit" }, ` ${text}`);
  const last = picture.trucks.reduce((latest, truck) => (!latest || truck.end > latest.end ? truck : latest), null);
  const of = picture.stops.length + picture.left_out.length;
  $("[data-figures]").replaceChildren(
    figure("km", [number(figures.distance_km, 1)], against(number(fixed.distance_km, 1))),
    figure("bins", [number(figures.bins), quiet(t("tournees.of", { n: number(of) }))], against(number(fixed.bins))),
    figure("fill", figures.bins ? [percent(figures.fill_ratio)] : ["–"], against(percent(fixed.fill_ratio))),
    figure("overflows", [number(figures.overflows, 1), quiet(t("tournees.range", { low, high }))], `${against(number(fixed.overflows, 1))}, ${t("tournees.until", { until: moment(Date.parse(picture.next_at), now()) })}`),
    last ? figure("back", [minute(Date.parse(last.end))], limit(last)) : figure("back", ["–"], t("tournees.stays")),
  );
}

function limit({ end, shift }) {
  const minutes = Math.round((Date.parse(shift.end) - Date.parse(end)) / 60_000);
  const margin = t("tournees.hours", { h: Math.floor(minutes / 60), m: String(minutes % 60).padStart(2, "0") });
  return t("tournees.limit", { at: minute(Date.parse(shift.end)), margin });
}

const figure = (key, value, hint) => el("div", {}, el("dt", {}, t(`tournees.${key}`)), el("dd", {}, ...value, el("span", { class: "d" }, hint)));

function showLeft() {
  const bins = shown.picture.left_out;
  $("[data-left]").replaceChildren(bins.length ? leftTable(bins, everyLeft) : el("p", { class: "lede small" }, t("tournees.left_none")));
  const toggle = () => {
    everyLeft = !everyLeft;
    showLeft();
  };
  const button = el("button", { type: "button", "aria-expanded": String(everyLeft), onclick: toggle }, everyLeft ? t("tournees.fewer") : t("tournees.all", { n: number(bins.length) }));
  $("[data-more]").replaceChildren(...(hasMore(bins) ? [button] : []));
}

function showFleets() {
  const button = (one) => {
    const open = () => {
      put({ fleet: one.subject.split(":")[1], truck: "" }, { step: true });
      show(one);
    };
    return el("button", { type: "button", "aria-pressed": String(one === shown), onclick: open }, one.subject_name);
  };
  $("[data-fleets]").replaceChildren(...(decisions.length > 1 ? decisions.map(button) : []));
}

$("[data-send]").addEventListener("click", () => askLink(shown));
$("[data-print]").addEventListener("click", () => print());
begin({ words: "tournees", box: $("[data-note]"), load });
