/** What is kept unread because a sensor floods, and what was let go of to keep the bounds. */

import { el } from "./element.js";
import { date, number } from "./formats.js";
import { t } from "./words.js";

const SHOWN = 6;

/** How many messages of one sensor's quarantine were let go of. */
export const letGo = (pruned, id) =>
  pruned.filter(({ reason, external_id: of }) => reason === "flooded" && of === id).reduce((sum, { messages }) => sum + messages, 0);

/** One sentence for each day and bound, the newest first. */
export function prunedList(pruned) {
  const days = [...Map.groupBy(pruned, ({ day, what, bound }) => [day, what, bound].join("|")).values()].slice(0, SHOWN);
  if (!days.length) return el("p", { class: "lede none" }, t("data.none_pruned"));
  return el("ul", { class: "said" }, ...days.map((rows) => el("li", {}, sentence(rows))));
}

function sentence(rows) {
  const [{ day, what, bound }] = rows;
  const n = rows.reduce((sum, { messages }) => sum + messages, 0);
  // Days are of UTC: noon is in the same day of Paris.
  return t(`data.pruned_${what}`, { n: number(n), day: date(Date.parse(`${day}T12:00:00Z`)), why: t(`data.bound_${bound}`) }, n);
}
