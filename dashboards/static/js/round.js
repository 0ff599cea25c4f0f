/** The page of a driver's link: the stops of one round in order, why each, and where; nothing else. */

import { now, read } from "./api.js";
import { isOpen } from "./decision_state.js";
import { phraseText } from "./decision_words.js";
import { el, glyph, patch } from "./element.js";
import { date, minute, number, prose } from "./formats.js";
import { me } from "./rights.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const MAP = "https://www.openstreetmap.org/";
const ZOOM = 18;
const $ = (selector) => document.querySelector(selector);
const at = (instant) => minute(Date.parse(instant));
let picture;

async function start() {
  try {
    const decision = await read(`/decisions/${me.decision_id}`);
    ({ picture } = decision);
    $("[data-badge]").replaceChildren(decision.simulated ? el("span", { class: "simulated" }, t("decision.common.simulated")) : "");
    $("[data-note]").replaceChildren(...stateNote(decision));
    if (picture.trucks?.length) show(picture.trucks.some(({ code }) => code === get("truck")) ? get("truck") : picture.trucks[0].code);
    else patch($("[data-course]"), phraseText(decision.headline, decision.kind));
  } catch (error) {
    $("[data-note]").replaceChildren(
      el("div", { class: "note alarm", role: "alert" }, el("span", {}, t("round.failed", { why: error.message })), el("button", { class: "btn", type: "button", onclick: () => location.reload() }, t("list.retry"))),
    );
  }
}

/** What a driver must know before leaving: that nobody approved it, or that it no longer holds. */
function stateNote(decision) {
  if (["approved", "applied", "measured"].includes(decision.state)) return [];
  const key = ["refused", "superseded"].includes(decision.state) ? decision.state : isOpen(decision, now()) ? "waiting" : "late";
  return [el("p", { class: `note ${key === "waiting" ? "watch" : "alarm"}`, role: "status" }, t(`round.${key}`))];
}

function show(code) {
  const truck = picture.trucks.find((one) => one.code === code);
  patch($("[data-truck]"), truck.name);
  const leaving = Date.parse(truck.start);
  $("[data-course]").replaceChildren(
    t("round.course", { day: date(leaving), at: prose(leaving), place: picture.garage.name }),
    el("span", { class: "quiet" }, t("round.length", { stops: number(truck.stops), km: number(truck.distance_km, 1), back: prose(Date.parse(truck.end)) }, truck.stops)),
  );
  const choose = (other) => {
    put({ truck: other });
    show(other);
  };
  const button = ({ code: own, name }) => el("button", { type: "button", "aria-pressed": String(own === code), onclick: () => choose(own) }, name);
  $("[data-trucks]").replaceChildren(...(picture.trucks.length > 1 ? picture.trucks.map(button) : []));
  $("[data-stops]").replaceChildren(...picture.stops.filter((stop) => stop.truck === code).flatMap((stop) => stopLines(stop, truck)));
}

function stopLines(stop, truck) {
  const emptying = truck.unloaded_after.indexOf(stop.order);
  const line = el(
    "li",
    {},
    el("span", { class: "n" }, String(stop.order)),
    el("div", {}, el("b", {}, stop.name), el("span", { class: "why" }, ...(stop.source === "silent" ? [glyph("s-silent", t("tournees.silent")), " "] : []), phraseText(stop.reason, "round"))),
    el("div", { class: "end" }, el("time", { datetime: stop.arrive }, at(stop.arrive)), mapLink(stop)),
  );
  return emptying < 0 ? [line] : [line, unloadLine(truck.unloadings[emptying])];
}

const unloadLine = (instant) =>
  el("li", { class: "dump" }, el("span", { class: "n" }), el("b", {}, t("tournees.unload_row", { site: picture.unloading.name })), el("div", { class: "end" }, el("time", { datetime: instant }, at(instant)), mapLink(picture.unloading)));

/** Where it is, on a map outside Vigie: the phone opens its own. */
function mapLink({ name, longitude, latitude }) {
  const query = new URLSearchParams({ mlat: latitude, mlon: longitude });
  return el("a", { href: `${MAP}?${query}#map=${ZOOM}/${latitude}/${longitude}`, target: "_blank", rel: "noreferrer", "aria-label": t("round.map_of", { name }) }, t("round.map"));
}

start();
