/** The life of a model: who speaks since when and why, what its training took, who may take its place. */

import { now, read, send } from "./api.js";
import { ask, line } from "./dialog.js";
import { el } from "./element.js";
import { ago, longDay, minute, moment, number, span } from "./formats.js";
import { byWords, energyWords, metricWords, reignWhy, trainedWhy } from "./model_words.js";
import { may, needs } from "./rights.js";
import { t } from "./words.js";

const WHY_MAX = 500;
const HASH_SHOWN = 16;

/** Read and draw the view; return its figure. */
export async function showLife(about, part) {
  const { champion, challenger } = about.item;
  if (!champion) {
    part("speaking").replaceChildren(el("p", { class: "lede none" }, t("models.no_champion")), ...waiting(about));
    part("facts").replaceChildren(el("p", { class: "lede none" }, t("models.no_model")));
    return { value: "–", under: t("models.sub_no_model") };
  }
  const model = await read(`/models/${champion.model_id}`);
  part("speaking").replaceChildren(...waiting(about), reignList(model, about), may("operate") ? "" : needs("operate"));
  part("facts").replaceChildren(facts(model));
  const age = ago(Math.max(0, now() - Date.parse(champion.trained_at)));
  return { value: t("models.number", { n: champion.model_id }), under: t(challenger ? "models.life_challenged" : "models.life_trained", { age }) };
}

/** The challenger, tried beside the model that speaks. */
function waiting(about) {
  const { challenger } = about.item;
  if (!challenger) return [];
  const words = t("models.challenger", { n: challenger.model_id, age: ago(Math.max(0, now() - Date.parse(challenger.trained_at))), why: trainedWhy(challenger.why) });
  const button = el("button", { class: "btn", type: "button", onclick: () => askPromotion(challenger.model_id, about, "promote") }, t("models.promote"));
  return [el("div", { class: "note accent" }, el("span", {}, words), may("operate") ? button : null)];
}

/** Who spoke since when, the newest first; whoever operates may let an earlier one speak again. */
function reignList({ reigns }, about) {
  const { model_id: speaking } = about.item.champion;
  const back = (id) => el("button", { class: "btn", type: "button", "aria-label": t("models.roll_back_named", { n: id }), onclick: () => askPromotion(id, about, "roll_back") }, t("models.roll_back"));
  const offered = new Set([speaking]);
  const reign = (one) => {
    const { model_id: id, since, by, why } = one;
    const told = reignWhy(one);
    // What a rule said as a sentence, older versions wrote in English; a person writes in their own language.
    const lang = by === "vigie" && told === why ? "en" : null;
    const offers = may("operate") && !offered.has(id);
    offered.add(id);
    return el(
      "li",
      {},
      el("time", { datetime: since }, moment(Date.parse(since), now(), minute)),
      el("div", {}, el("strong", {}, t("models.number", { n: id })), " ", el("span", { class: "quiet" }, byWords(by)), el("p", { lang }, told), offers ? back(id) : null),
    );
  };
  return el("ol", { class: "journal reigns" }, ...[...reigns].sort((a, b) => Date.parse(b.since) - Date.parse(a.since)).map(reign));
}

/** Ask why, then let this model speak. */
function askPromotion(id, about, act) {
  const { metric } = about.item;
  const why = el("textarea", { name: "why", rows: 3, required: true, maxlength: WHY_MAX });
  ask({
    title: t(`models.${act}_title`, { n: id, metric: metricWords(metric) }),
    body: [el("p", { class: "lede" }, t(`models.${act}_lede`)), line(t("models.promote_why"), why, t("models.promote_why_hint"))],
    label: t(`models.${act}`),
    act: async () => {
      await send(`/models/${id}/promotion`, { why: why.value.trim() });
      about.tell(t("models.promoted", { n: id, metric: metricWords(metric) }));
      await about.again();
    },
  });
}

/** All that it takes to make the model again, and what it took. */
function facts(model) {
  const day = (text) => longDay(Date.parse(text));
  const rows = [
    ["trained_at", moment(Date.parse(model.trained_at), now(), minute)],
    ["why", trainedWhy(model.why)],
    ["window", t("models.window", { from: day(model.card.first_known_at ?? model.history_start), until: day(model.history_end) })],
    ["learnt_from", t("models.rows", { series: number(model.series), rows: number(model.rows) })],
    ["duration", span(model.duration_s * 1000 < 60_000 ? 60_000 : model.duration_s * 1000)],
    ["spent", energyWords(model)],
    ["code_version", model.code_version],
    ["seed", model.seed],
    ["sha256", model.sha256 && el("code", { title: model.sha256 }, model.sha256.slice(0, HASH_SHOWN))],
  ];
  const said = rows.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", { class: "facts" }, ...said.flatMap(([name, value]) => [el("dt", {}, t(`models.fact_${name}`)), el("dd", {}, typeof value === "number" ? String(value) : value)]));
}
