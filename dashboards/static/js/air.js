/** Air: which rooms need air in the next six hours and when; a person approves. */

import "./communes.js";
import "./live.js";
import { readAll } from "./api.js";
import { airingList, roomTable } from "./air_rooms.js";
import { staves } from "./air_staves.js";
import { roomCsv, roomFigures } from "./air_table.js";
import { Clock } from "./air_clock.js";
import { download } from "./csv.js";
import { phraseText, readDecisions } from "./decision.js";
import { begin } from "./decision_page.js";
import { el } from "./element.js";
import { prose } from "./formats.js";
import { showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const KIND = "ventilation";
const $ = (selector) => document.querySelector(selector);
const chooser = $("vigie-communes");
let decisions = [];
let shown = null;

async function load() {
  const commune = chooser.current;
  showOrigins(await readAll("/sensors", { commune: commune.insee }));
  decisions = (await readDecisions(KIND, commune.insee)).sort((a, b) => a.subject.localeCompare(b.subject));
  show(decisions.find(({ subject }) => subject === `${commune.insee}:${get("site")}`) ?? neediest());
}

/** The site with most to do, when the address asks for none. */
const neediest = () =>
  decisions.reduce((most, one) => ((one.figures.airings ?? 0) > (most?.figures.airings ?? -1) ? one : most), null);

function show(decision) {
  shown = decision;
  $("[data-note]").hidden = true;
  $("vigie-decide").decision = decision;
  $("[data-plan]").hidden = !decision;
  showSites();
  if (!decision) return showVerdict([t("air.none"), t("air.none_next")]);
  const { picture } = decision;
  $("[data-site]").textContent = decision.subject_name;
  $("vigie-why").decision = decision;
  showVerdict([phraseText(decision.headline, KIND), outdoorWords(picture)]);
  const newest = picture.rooms.flatMap((room) => room.trend.slice(-1)).map(([at]) => Date.parse(at));
  showClock(newest.length ? Math.max(...newest) : null);
  $("[data-windows]").replaceChildren(airingList(picture));
  showRoom(picture.rooms.find(({ code }) => code === get("room")) ?? picture.rooms[0]);
  return undefined;
}

/** What the air outdoors advises, in a sentence. */
function outdoorWords(picture) {
  const clock = new Clock(picture);
  const { advice } = picture.outdoor;
  const span = (run) => ({ from: prose(clock.quarter(run[1])), until: prose(clock.quarter(run[2])) });
  const runs = Clock.runs(advice);
  const bad = runs.find(([word]) => word === "no");
  if (bad) return t("air.unfit", span(bad));
  if (advice.every((word) => word === "yes")) return t("air.fit_all", { until: prose(clock.until) });
  const fit = runs.filter(([word]) => word === "yes").sort((a, b) => b[2] - b[1] - (a[2] - a[1]))[0];
  if (fit) return t("air.fit", span(fit));
  return advice.includes("short") ? t("air.mid") : "";
}

function showRoom(room) {
  const { picture } = shown;
  const choose = (other) => {
    put({ room: other.code });
    showRoom(other);
    $(`[data-code="${CSS.escape(other.code)}"] button`).focus();
  };
  $("[data-rooms]").replaceChildren(roomTable(picture, room?.code, choose));
  $("[data-room]").hidden = !room;
  if (!room) return;
  $("[data-room-title]").textContent = t("air.room_today", { room: room.name });
  const name = `${shown.subject.replace(":", "-")}-${room.code}.csv`;
  const file = el("button", { type: "button", onclick: () => download(roomCsv(picture, room), name) }, t("air.csv"));
  $("[data-room-links]").replaceChildren(file);
  $("[data-staves]").replaceChildren(...staves(picture, room));
  $("[data-room-table]").replaceChildren(roomFigures(picture, room));
}

function showSites() {
  const button = (one) => {
    const open = () => {
      put({ site: one.subject.split(":")[1], room: "" }, { step: true });
      show(one);
    };
    return el("button", { type: "button", "aria-pressed": String(one === shown), onclick: open }, one.subject_name);
  };
  $("[data-sites]").hidden = decisions.length < 2;
  $("[data-sites]").replaceChildren(...(decisions.length > 1 ? decisions.map(button) : []));
}

showToday();
begin({ words: "air", box: $("[data-note]"), load });
