/** The number of alarms that wait for somebody, on the rail of every page. */

import { AlarmBook, readFirstAlarms } from "./alarms.js";
import { el, patch } from "./element.js";
import { number } from "./formats.js";
import { get } from "./url.js";
import { t } from "./words.js";

const REFRESH_MS = 60_000;

/** Write it beside Supervision; none is no number. */
export function showRailAlarms(n) {
  const link = document.querySelector('.rail a[href^="/supervision"]');
  if (!link) return;
  let mark = link.querySelector(".n");
  if (!mark) {
    mark = el("b", { class: "n", role: "img" });
    link.append(mark);
  }
  mark.hidden = !n;
  mark.setAttribute("aria-label", t("supervision.rail", { n }));
  patch(mark, number(n));
}

/** Keep it right on a page that shows no alarms of its own; what cannot be read changes nothing. */
export async function followRailAlarms() {
  setTimeout(followRailAlarms, REFRESH_MS);
  if (document.hidden) return;
  const commune = get("commune");
  const items = await readFirstAlarms(/^\d/.test(commune) ? commune : undefined).catch(() => null);
  if (items) showRailAlarms(new AlarmBook(items).toTreat.length);
}
