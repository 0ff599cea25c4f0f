/** Modèles: can the forecasts be trusted: how well each model does, what it promises and keeps, its life, its limits. */

import { read } from "./api.js";
import { el } from "./element.js";
import { note, showVerdict } from "./frame.js";
import { showCard } from "./model_card.js";
import { askConcern, showConcerns } from "./model_concerns.js";
import { showLife } from "./model_life.js";
import { showPlaces } from "./model_places.js";
import { showReliability } from "./model_reliability.js";
import { overall, showSkill } from "./model_skill.js";
import { metricWords, originBadges } from "./model_words.js";
import { everyVerdict, familyTable, nothing, oneVerdict, placeOf } from "./models_list.js";
import { Period } from "./period.js";
import { figure, tabs } from "./tabs.js";
import { get } from "./url.js";
import { t } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const period = new Period("days", ["7d", "30d", "90d"], "30d");
const VIEWS = { skill: showSkill, reliability: showReliability, places: showPlaces, life: showLife, card: showCard, concerns: showConcerns };
// Judged over the days that are chosen; the others do not depend on them.
const JUDGED = ["skill", "reliability", "places"];
// What the views share: the metric with its champion and challenger, its unit, its scores over the days looked at.
const about = { tell, again: () => start().catch(failed), show: (view) => show(view) };

async function start() {
  const [{ items }, quantities] = await Promise.all([read("/models"), read("/quantities")]);
  $("[data-fault]").replaceChildren();
  const item = items.find(({ metric }) => metric === get("metric"));
  $("[data-every]").hidden = Boolean(item);
  $("[data-one]").hidden = !item;
  if (!item) return showEvery(items);
  $("[data-families]").replaceChildren();
  about.item = item;
  about.metric = quantities.items.find(({ metric }) => metric === item.metric);
  return showOne(item);
}

function showEvery(items) {
  showVerdict(everyVerdict(items));
  $("[data-families]").replaceChildren(items.length ? familyTable(items) : nothing());
}

async function showOne({ metric, champion }) {
  $("[data-crumb]").replaceChildren(el("a", { href: placeOf() }, t("pages.modeles")), " ", el("span", { "aria-hidden": "true" }, "/ "), metricWords(metric), " ", ...originBadges(champion));
  document.title = `${metricWords(metric)} · ${document.title.split(" · ").slice(-2).join(" · ")}`;
  $("[data-model-acts]").hidden = false;
  if (champion && !$("[data-doubt]")) $("[data-model-acts]").append(el("button", { class: "btn", type: "button", "data-doubt": true, onclick: () => askConcern(about) }, t("models.doubt")));
  period.show($("[data-days]"), judge);
  await Promise.all([judge(), ...Object.keys(VIEWS).filter((view) => !JUDGED.includes(view)).map(show)]);
}

/** Read the scores over the chosen days, each grouping once, and draw what is judged by them. */
async function judge() {
  const asked = new Map();
  about.days = Number.parseInt(period.chosen, 10);
  about.scores = (by) => {
    if (!asked.has(by)) asked.set(by, read("/scores", { metric: about.item.metric, by, days: about.days }).then(({ items }) => items));
    return asked.get(by);
  };
  const told = about.scores("regime").then((rows) => showVerdict(oneVerdict(about, overall(rows)))).catch(() => showVerdict([t("models.failed"), ""]));
  await Promise.all([told, ...JUDGED.map(show)]);
}

/** Read a view and draw it; one that fails says so in its own place. */
async function show(view) {
  const fault = $(`#${view} [data-fault]`);
  const part = (name) => $(`#${view} [data-part="${name}"]`);
  try {
    figure(view, await VIEWS[view](about, part));
    fault.replaceChildren();
    $(`#${view}`).classList.remove("unread");
  } catch (error) {
    figure(view, { value: "–", under: t("data.unread") });
    $(`#${view}`).classList.add("unread");
    fault.replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), JUDGED.includes(view) ? judge : () => show(view)));
  }
}

/** Say what was done. */
function tell(words) {
  $("[data-told]").replaceChildren(el("p", { class: "note accent" }, words));
}

function failed(error) {
  showVerdict([t("models.failed"), ""]);
  $("[data-families]").replaceChildren();
  $("main > [data-fault]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => start().catch(failed)));
}

tabs($("[data-tabs]"), () => {});
start().catch(failed);
