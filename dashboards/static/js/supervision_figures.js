/** The counters of Supervision, which are its filters, and what arrived in the last minutes. */

import { now, read } from "./api.js";
import { el, patch } from "./element.js";
import { number } from "./formats.js";
import { dayStart } from "./paris.js";
import { lately, perStep } from "./reception.js";
import { spark } from "./spark.js";
import { t } from "./words.js";

const WINDOW_MIN = 60;

/** Write the counters: how many sensors in each state, and what each is measured against. */
export function showFigures(counts, hints, alarms) {
  const since = alarms.counts?.raised_since_9h ?? 0;
  const told = { ...hints, alarm: since ? t("supervision.since_9h", { n: number(since) }, since) : t("supervision.none_since_9h") };
  for (const button of document.querySelectorAll("[data-figures] button")) {
    const { state } = button.dataset;
    const n = state === "all" ? counts.total : counts[state];
    patch(button.querySelector(".v"), number(n));
    button.querySelector(".v").classList.toggle("t-alarm", state === "alarm" && n > 0);
    patch(button.querySelector(".d"), told[state] ?? "");
  }
}

/** What arrived and what was refused; return what arrived, minute by minute. */
export async function readReceived(commune) {
  const [came, refused] = await Promise.all([
    read("/reception", { commune, minutes: WINDOW_MIN }),
    read("/rejections/counts", { commune, from: new Date(dayStart(now())).toISOString(), until: new Date(now()).toISOString() }),
  ]);
  const n = refused.items.reduce((sum, { count }) => sum + count, 0);
  const box = document.querySelector("[data-received]");
  box.querySelector(".v").replaceChildren(number(lately(came.items, 10)), spark(perStep(came.items, WINDOW_MIN, 2), { gap: Infinity, floor: 0 }));
  const why = el("span", { class: "ask-why" }, ", ", el("a", { href: `/donnees${commune ? `?commune=${commune}` : ""}` }, t("figures.why")));
  box.querySelector(".d").replaceChildren(...(n ? [t("supervision.refused_today", { n: number(n) }, n), why] : [t("figures.none_refused")]));
  return came.items;
}

/** Mark the one that is pressed of a row of buttons. */
export function press(selector, name, value) {
  for (const button of document.querySelectorAll(selector)) button.setAttribute("aria-pressed", String(button.dataset[name] === value));
}
