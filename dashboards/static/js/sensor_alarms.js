/** The alarms of a sensor, and what a person does with the one that is open: acknowledge, silence for a while. */

import { now, read } from "./api.js";
import { act, askAssign, askComment, askSnooze, hoursFromNow, SNOOZE_H, UNDO } from "./alarm_acts.js";
import { alarmsPage, isToTreat, lookOf } from "./alarms.js";
import { el, glyph } from "./element.js";
import { lasting, minute, moment, whole } from "./formats.js";
import { may } from "./rights.js";
import { table } from "./table.js";
import { language, t } from "./words.js";

const KEPT = 30;
const CUT = 6;

const told = (...nodes) => document.querySelector("[data-told]").replaceChildren(...nodes);

/** What can be done with the most urgent open alarm, beside the sentence; why it was raised, for everybody. */
export function showActs(box, about) {
  const [alarm] = about.open;
  const key = alarm ? [alarm.alarm_id, alarm.state, alarm.why, alarm.assignee].join(" ") : "";
  if (box.dataset.shown === key) return;
  box.dataset.shown = key;
  const before = document.querySelector("#alarm-why");
  const open = before?.dataset.alarm === String(alarm?.alarm_id) && !before.hidden;
  before?.remove();
  const { commune_insee: commune, site_id: site } = about.sensor.site;
  const tends = may("tend", commune, site);
  box.replaceChildren(...(alarm ? [whyButton(alarm, { tends, open }, about), ...(tends ? actsOn(alarm, about) : [])] : []));
}

function whyButton(alarm, { tends, open }, about) {
  const asks = (words, question) => el("button", { type: "button", onclick: () => question(alarm, () => about.again()) }, words);
  const more = tends ? el("p", { class: "links" }, asks(t("supervision.assign_ask"), askAssign), asks(t("supervision.comment_ask"), askComment)) : null;
  const held = alarm.assignee ? ` (${t("supervision.assigned", { who: alarm.assignee })})` : "";
  const said = el("div", { class: `note ${isToTreat(alarm) ? "alarm" : "watch"} said`, id: "alarm-why", "data-alarm": alarm.alarm_id, hidden: !open }, el("p", {}, el("strong", {}, alarm.title), ". ", alarm.why, held), more);
  const button = el("button", { class: "btn plain", type: "button", "aria-expanded": String(open), "aria-controls": "alarm-why", onclick: () => {
    said.hidden = !said.hidden;
    button.setAttribute("aria-expanded", String(!said.hidden));
  } }, t("explain.open"));
  document.querySelector(".head").after(said);
  return button;
}

function actsOn(alarm, about) {
  const button = (words, what, more, main = false) => el("button", { class: main ? "btn main" : "btn", type: "button", "data-act": what, onclick: () => settle(alarm, what, more?.(), about) }, words);
  if (alarm.state === "acknowledged") return [button(t("supervision.unacknowledge"), "unacknowledge")];
  if (alarm.state === "snoozed") return [button(t("supervision.unsnooze"), "unsnooze")];
  if (alarm.state === "muted") return [];
  const other = el("button", { class: "btn", type: "button", "aria-haspopup": "dialog", "aria-label": t("supervision.snooze_other"), title: t("supervision.snooze_other"), onclick: () => askSnooze(alarm, (changed) => settled(changed, "snooze", about)) }, glyph("i-down"));
  return [el("span", { class: "split" }, button(t("supervision.snooze_4"), "snooze", () => ({ until: hoursFromNow(SNOOZE_H) })), other), button(t("supervision.acknowledge"), "acknowledge", null, true)];
}

async function settle(alarm, what, more, about) {
  try {
    await act(alarm, what, more);
  } catch (error) {
    told(el("p", { class: "note alarm", role: "alert" }, t("dialog.refused", { why: error.message })));
    return;
  }
  await settled(alarm, what, about);
}

/** Say what was done, with the way back, to where the keyboard goes. */
async function settled(alarm, what, about) {
  await about.again();
  if (!UNDO[what]) {
    document.querySelector("[data-acts] .main")?.focus();
    return;
  }
  const back = el("button", { class: "btn", type: "button", onclick: () => settle(alarm, UNDO[what], {}, about) }, t("supervision.undo"));
  told(el("div", { class: "note accent" }, el("span", {}, t(`supervision.done_${what}`, { title: alarm.title })), back));
  back.focus();
}

/** The alarms of the sensor, open and over, the newest first. */
export async function showAlarms({ box, links }, { sensor, metrics }) {
  const { items } = await read("/alarms", { sensor_id: sensor.sensor_id, state: "all", limit: KEPT, language });
  links.replaceChildren(el("a", { href: alarmsPage(sensor.site.commune_insee) }, t("sensor_page.rules")));
  if (!items.length) {
    box.replaceChildren(el("p", { class: "lede small none" }, t("sensor_page.no_alarm")));
    return;
  }
  const heads = [[t("sensor_page.alarm")], [t("sensor_page.alarm_since")], [t("sensor_page.alarm_lasted"), "num"], [t("sensor_page.alarm_state"), "wide"]];
  const sorted = [...items].sort((a, b) => Date.parse(b.since) - Date.parse(a.since));
  box.replaceChildren(table(t("sensor_page.title_alarms"), heads, sorted.map((alarm) => row(alarm, metrics)), { cut: CUT }));
}

function row(alarm, metrics) {
  const [since, until] = [Date.parse(alarm.since), alarm.until ? Date.parse(alarm.until) : now()];
  const over = ["cleared", "withdrawn"].includes(alarm.state);
  return el(
    "tr",
    { class: over ? "dim" : null },
    el("th", { scope: "row" }, el("span", { class: "state wrap" }, glyph(over ? "s-normal" : `s-${lookOf(alarm)}`), el("span", {}, alarm.title, limitOf(alarm, metrics)))),
    el("td", {}, moment(since, now(), minute)),
    el("td", { class: "num" }, lasting(Math.max(0, until - since))),
    el("td", { class: "wide" }, t(`sensor_page.alarm_${alarm.found_late ? "late" : alarm.state}`)),
  );
}

/** Two rules of one metric raise alarms of the same title: their limits tell them apart. */
function limitOf({ figures, metric: name }, metrics) {
  const metric = metrics.get(name);
  return metric && Number.isFinite(figures.limit) ? el("span", { class: "quiet small" }, ` · ${t("sensor_page.limit_any", { value: whole(metric, figures.limit) })}`) : null;
}
