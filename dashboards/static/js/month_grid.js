/** Days as months: a grid a month with its name, weeks in rows, Monday first; walked by arrows, said day by day. */

import { el } from "./element.js";
import { monthYear, number } from "./formats.js";
import { monthOf, offsetMs } from "./paris.js";
import { t } from "./words.js";

const WEEK = [0, 1, 2, 3, 4, 5, 6];
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 7, ArrowUp: -7 };
const HALF_DAY_MS = 12 * 3_600_000;

/** Day of the week and of the month on the Paris clock, Monday 0. */
const local = (start) => new Date(start + HALF_DAY_MS + offsetMs(start + HALF_DAY_MS));
const weekday = (start) => (local(start).getUTCDay() + 6) % 7;

/**
 * The months of these days, and a line that says the day which is walked on.
 * @param {{start: number, state: string, ratio: number | null, hours: number}[]} cells local days, the oldest first, none left out
 * @param {string} label what the days are of
 * @param {(cell: object) => string} say a day in words, its date included
 */
export function monthGrids(cells, label, say) {
  const said = el("p", { class: "small day-said", "aria-live": "polite" }, t("completeness.walk"));
  const marks = new Map();
  const months = [...Map.groupBy(cells, ({ start }) => monthOf(start)).values()];
  const box = el("div", { class: "months", role: "group", "aria-label": label, onkeydown: walk }, ...months.map((days) => grid(days)));
  let current = cells.length - 1;
  marks.get(current)?.setAttribute("tabindex", "0");

  function grid(days) {
    const lead = weekday(days[0].start);
    const rows = Array.from({ length: Math.ceil((lead + days.length) / 7) }, (_, week) => WEEK.map((day) => days[week * 7 + day - lead]));
    return el(
      "table",
      { class: "month" },
      el("caption", {}, monthYear(days[0].start)),
      el("thead", {}, el("tr", {}, ...WEEK.map((day) => el("th", { scope: "col", abbr: t(`alarm_said.weekday.${day}`) }, t(`rules.day_short.${day}`))))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell ? mark(cell) : null))))),
    );
  }

  function mark(cell) {
    const place = cells.indexOf(cell);
    const node = el("button", { type: "button", class: `day-cell ${cell.state}`, tabindex: "-1", "aria-label": say(cell), onfocus: () => stand(place), onmouseenter: () => tell(place) }, el("span", {}, number(local(cell.start).getUTCDate())));
    if (cell.state === "short") node.style.setProperty("--part", `${Math.max(8, Math.round(cell.ratio * 100))}%`);
    marks.set(place, node);
    return node;
  }

  function stand(place) {
    marks.get(current).setAttribute("tabindex", "-1");
    current = place;
    marks.get(place).setAttribute("tabindex", "0");
    tell(place);
  }

  function tell(place) {
    said.textContent = say(cells[place]);
  }

  function walk(event) {
    const to = { Home: 0, End: cells.length - 1 }[event.key] ?? (event.key in STEPS ? current + STEPS[event.key] : undefined);
    if (to === undefined || !marks.has(to)) return;
    event.preventDefault();
    marks.get(to).focus();
  }

  return el("div", { class: "month-box" }, box, said);
}
