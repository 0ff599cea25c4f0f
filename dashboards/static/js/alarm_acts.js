/** What a person does with an alarm: acknowledge, put in silence for a while, hand over, note; each can be taken back. */

import { now, send } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el } from "./element.js";
import { minute, moment } from "./formats.js";
import { dayStart, fromField, toField } from "./paris.js";
import { me } from "./rights.js";
import { language, t } from "./words.js";

const HOUR_MS = 3_600_000;
const MORNING_H = 8;
/** What the button of a row puts in silence for. */
export const SNOOZE_H = 4;

/**
 * Do one act; return the alarm as it stands then.
 * @param {object} alarm
 * @param {"acknowledge" | "unacknowledge" | "snooze" | "unsnooze" | "assign" | "comment"} what
 * @param {{until?: string, assignee?: string | null, said?: string}} [more]
 */
export const act = (alarm, what, more = {}) => send(`/alarms/${alarm.alarm_id}/acts?language=${language}`, { what, ...more });

/** What takes an act back; what was said or handed over stays said. */
export const UNDO = { acknowledge: "unacknowledge", snooze: "unsnooze" };

export const hoursFromNow = (hours) => new Date(now() + hours * HOUR_MS).toISOString();

/** Tomorrow morning, when somebody is back at work. */
const tomorrow = () => dayStart(dayStart(now()) + 36 * HOUR_MS) + MORNING_H * HOUR_MS;

/** How long to be silent: one of a few usual lengths, or until an hour that is given. */
export function askSnooze(alarm, done) {
  const lengths = [1, SNOOZE_H, 24, 168].map((hours) => [String(hours), t(`supervision.for_${hours}`)]);
  const until = el("input", { type: "datetime-local", name: "until", value: toField(tomorrow()), min: toField(now()), max: toField(now() + 30 * 24 * HOUR_MS), required: true });
  const free = line(t("supervision.until"), until);
  free.hidden = true;
  const choose = el("select", { name: "length", onchange: () => (free.hidden = choose.value !== "free") }, ...lengths.map(([value, name]) => option(value, name, value === String(SNOOZE_H))), option("morning", t("supervision.for_morning", { time: minute(tomorrow()) })), option("free", t("supervision.for_free")));
  ask({
    title: t("supervision.snooze_title", { title: alarm.title }),
    body: [el("p", { class: "lede" }, t("supervision.snooze_lede")), line(t("supervision.length"), choose), free, saidLine(t("supervision.said_why"))],
    label: t("supervision.snooze"),
    act: async (form) => {
      const at = { free: () => fromField(until.value), morning: tomorrow }[choose.value]?.() ?? now() + Number(choose.value) * HOUR_MS;
      done(await act(alarm, "snooze", { until: new Date(at).toISOString(), ...said(form) }));
    },
  });
}

/** Hand it to somebody: oneself unless another name is given. */
export function askAssign(alarm, done) {
  const who = el("input", { name: "assignee", maxlength: 100, required: true, value: alarm.assignee ?? me.name, autocomplete: "off" });
  ask({
    title: t("supervision.assign_title", { title: alarm.title }),
    body: [line(t("supervision.assignee"), who, t("supervision.assignee_hint")), saidLine(t("supervision.said_note"))],
    label: t("supervision.assign"),
    act: async (form) => done(await act(alarm, "assign", { assignee: who.value.trim(), ...said(form) })),
  });
}

/** Note something that whoever comes next should know. */
export function askComment(alarm, done) {
  ask({
    title: t("supervision.comment_title", { title: alarm.title }),
    body: [saidLine(t("supervision.said_note"), true)],
    label: t("supervision.comment"),
    act: async (form) => done(await act(alarm, "comment", said(form))),
  });
}

const saidLine = (words, required = false) => line(words, el("textarea", { name: "said", rows: 3, maxlength: 2000, required }));
const said = (form) => (form.get("said")?.trim() ? { said: form.get("said").trim() } : {});

/** The acts that an alarm had, the newest first; who did them is as the API says it. */
export function actsList(acts) {
  if (!acts.length) return el("p", { class: "quiet small" }, t("supervision.no_act"));
  const items = [...acts].reverse().map(({ at, by, what, said: words, until }) =>
    el(
      "li",
      {},
      el("time", { datetime: at }, moment(Date.parse(at), now(), minute)),
      el("div", {}, el("strong", {}, by && by !== "vigie" ? `${by} ` : ""), t(`alarm_said.act.${what}`), until ? ` ${t("supervision.until_then", { time: moment(Date.parse(until), now()) })}` : "", words ? el("p", {}, words) : null),
    ),
  );
  return el("ol", { class: "journal" }, ...items);
}
