/** What every page has around its content: the day, the badges, the clock of the last reading. */

import "./account.js";
import { now } from "./api.js";
import { ago, date, moment, prose } from "./formats.js";
import { el, patch } from "./element.js";
import { followRailAlarms } from "./rail.js";
import { mayIn } from "./rights.js";
import { t } from "./words.js";

// Past this, the last reading is old news and the clock says so in words, greyed.
const STALE_MS = 30 * 60_000;
// A page asks for its own first.
const RAIL_MS = 1500;

// Supervision itself writes the number from the alarms that it shows.
if (!document.querySelector("vigie-queue") && document.querySelector(".rail") && mayIn("see")) setTimeout(followRailAlarms, RAIL_MS);

export function showToday() {
  for (const node of document.querySelectorAll("[data-today]")) patch(node, date(now()));
}

/** Badges that say that a sensor shown is no field sensor. */
export function showOrigins(sensors) {
  const origins = ["simulated", "replayed"].filter((origin) => sensors.some((sensor) => sensor.origin === origin));
  for (const node of document.querySelectorAll("[data-badges]")) {
    node.replaceChildren(
      ...origins.map((origin) =>
        el("span", { class: "simulated", title: t(`origin.${origin}_hint`) }, t(`origin.${origin}`)),
      ),
    );
  }
}

/** The clock of the last reading and its age. */
export function showClock(newest) {
  const node = document.querySelector("[data-clock]");
  node.hidden = newest === null;
  if (newest === null) return;
  const age = now() - newest;
  node.classList.toggle("stale", age > STALE_MS);
  patch(node.querySelector("b"), moment(newest, now(), (at) => prose(at)));
  patch(node.querySelector(".age"), ago(Math.max(0, age)));
}

/** The sentence: loud half, quiet half. */
export function showVerdict([loud, quiet]) {
  const node = document.querySelector("[data-verdict]");
  const text = quiet ? `${loud} ${quiet}` : loud;
  if (node.textContent !== text) node.replaceChildren(loud, quiet ? " " : "", quiet ? el("em", {}, quiet) : "");
}

/** One thing to know, with the way out. */
export function note(text, label, action, kind = "watch") {
  return el(
    "div",
    { class: `note ${kind}`, role: "alert" },
    el("span", {}, text),
    el("button", { class: "btn", type: "button", onclick: action }, label),
  );
}

/** What scrolls by itself is reached by the keyboard, too; what does not is no stop on the way. */
const reach = new ResizeObserver(() => {
  for (const box of document.querySelectorAll("main .scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
for (const main of document.querySelectorAll("main")) reach.observe(main);
