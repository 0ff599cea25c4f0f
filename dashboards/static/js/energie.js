/** Énergie: when a building should draw its power over the next 24 hours, what that brings, and who says yes. */

import "./communes.js";
import "./live.js";
import { address, now, read } from "./api.js";
import { phraseText, readDecisions } from "./decision.js";
import { begin, decidedWhere } from "./decision_page.js";
import { staves } from "./energie_score.js";
import { actionTable, figureList, quarterTable, shedLine } from "./energie_tables.js";
import { el } from "./element.js";
import { moment, number, prose } from "./formats.js";
import { showClock, showOrigins, showToday, showVerdict } from "./frame.js";
import { mayIn } from "./rights.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const KIND = "load_shifting";
const REFRESH_MS = 30_000;
const WORTH_EUR = 0.5;
const SEEN_KH = 0.05;

const $ = (selector) => document.querySelector(selector);
const [chooser, bar, why] = ["communes", "decide", "why"].map((name) => $(`vigie-${name}`));
let decisions = [];
let newest = null;

async function load() {
  const commune = chooser.current.insee;
  const [found, sensors] = await Promise.all([readDecisions(KIND, commune), read("/sensors", { commune, kind: "meter", limit: 500 })]);
  const latest = await read("/latest", { commune });
  newest = latest.items.reduce((most, { observed_at: at }) => Math.max(most, Date.parse(at)), 0) || null;
  showOrigins(sensors.items);
  showClock(newest);
  decisions = found.sort((a, b) => a.subject_name.localeCompare(b.subject_name, "fr"));
  if (decisions.length) show();
  else await showNone();
}

function renew(answered) {
  decisions = decisions.map((one) => (one.decision_id === answered.decision_id ? answered : one));
  show();
}

/** The building that the address names, else the one where most is to be saved. */
function chosen() {
  const worth = (one) => one.figures.saved_eur ?? -1;
  return decisions.find(({ subject }) => subject === get("building")) ?? decisions.reduce((best, one) => (worth(one) > worth(best) ? one : best));
}

function show() {
  const decision = chosen();
  const drawn = "planned_kw" in decision.picture;
  $("[data-message]").hidden = drawn;
  $("[data-message]").replaceChildren(...(drawn ? [] : [el("p", { class: "lede" }, t("energie.no_picture"))]));
  $("[data-schedule]").hidden = !drawn;
  $("[data-building]").textContent = decision.subject_name;
  showBuildings(decision);
  showVerdict([phraseText(decision.headline, KIND), drawn ? quiet(decision) : ""]);
  bar.decision = decision;
  why.decision = decision;
  if (!drawn) return;
  const link = $("[data-export]");
  link.hidden = !mayIn("export", decision.commune_insee);
  link.href = address(`/decisions/${decision.decision_id}/export`, { format: "csv" });
  $("[data-figures]").replaceChildren(...figureList(decision));
  $("[data-staves]").replaceChildren(...staves(decision));
  $("[data-actions]").replaceChildren(actionTable(decision));
  showQuarters();
  showShed(decision);
}

/** The quiet half of the sentence: how sure the gain is, and what people will feel. */
function quiet({ figures, picture, reasons }) {
  const parts = [];
  if (reasons.some(({ key }) => key.startsWith("limit_"))) parts.push(t("energie.quiet_limit"));
  if (figures.saved_high_eur - figures.saved_low_eur > WORTH_EUR) {
    parts.push(t("energie.quiet_saved", { low: number(figures.saved_low_eur), high: number(figures.saved_high_eur) }));
  }
  if (picture.zone) {
    const words = { kh: number(figures.comfort_kh, 1), baseline: number(figures.baseline_comfort_kh, 1) };
    parts.push(t(figures.comfort_kh < SEEN_KH ? "energie.quiet_comfort" : "energie.quiet_comfort_out", words));
  }
  return parts.join(" ");
}

function showBuildings(current) {
  const button = ({ subject, subject_name: name }) =>
    el("button", { type: "button", "aria-pressed": String(subject === current.subject), onclick: () => choose(subject) }, name);
  const box = $("[data-buildings]");
  box.hidden = decisions.length < 2;
  box.replaceChildren(...decisions.map(button));
}

function choose(building) {
  put({ building }, { step: true });
  show();
}

/** All quarters, built when they are asked for. */
function showQuarters() {
  const details = $("[data-quarters]");
  details.querySelector(".table")?.remove();
  if (details.open) details.append(el("div", { class: "table scroll" }, quarterTable(chosen())));
}

function showShed(decision) {
  const { shed } = decision.picture;
  $("[data-shed-part]").hidden = !shed;
  if (!shed) return;
  const words = { from: moment(Date.parse(shed.start), now()), until: prose(Date.parse(shed.end)) };
  $("#shed-title").textContent = t("energie.shed", words);
  $("[data-shed]").replaceChildren(...shedLine(decision));
}

/** No decision: say whether buildings are followed here, and where else they are. */
async function showNone() {
  const { here, links } = await decidedWhere(KIND);
  const commune = chooser.current;
  $("[data-schedule]").hidden = true;
  showVerdict([t(here ? "energie.waiting" : "energie.none", { commune: commune.name }), here ? t("energie.waiting_quiet") : ""]);
  const box = $("[data-message]");
  box.hidden = here || !links.length;
  box.replaceChildren(el("p", { class: "lede" }, t("energie.none_quiet")), el("p", { class: "links" }, ...links));
}

showToday();
$("[data-quarters]").addEventListener("toggle", showQuarters);
setInterval(() => showClock(newest), 1000);
begin({ words: "energie", box: $("[data-message]"), load, renew, refreshMs: REFRESH_MS });
