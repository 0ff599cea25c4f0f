/** One alarm of the queue: what, where, what was expected, since when; and the acts on it. */

import { now } from "./api.js";
import { actsList, askAssign, askComment, askSnooze, hoursFromNow, SNOOZE_H } from "./alarm_acts.js";
import { isGroup, isToTreat, lookOf, readAlarm } from "./alarms.js";
import { el, glyph, patch } from "./element.js";
import { lasting, measured, moment, unit } from "./formats.js";
import { spark } from "./spark.js";
import { t } from "./words.js";

const BREAK_MS = 45 * 60_000;

/** Where an alarm is looked into: its series, else its sensor. */
export function pageOf(alarm) {
  if (alarm.series_id !== null) return `/capteur?series=${alarm.series_id}`;
  return alarm.sensor ? `/capteur?sensor=${alarm.sensor.sensor_id}` : null;
}

export class QueueRow {
  #opened = null;

  /**
   * @param {object} alarm
   * @param {{metrics: Map<string, object>, may: (alarm: object) => boolean, trend: (series: number) => [number, number][],
   *   newest: (series: number) => number | undefined, tellsOrigin: () => boolean,
   *   did: (alarm: object, what: string, more?: object) => void, changed: () => void, choose: (alarm: object) => void}} about
   */
  constructor(alarm, about) {
    this.alarm = alarm;
    this.about = about;
    this.no = el("span", {});
    this.mark = el("span", { class: "no" });
    this.title = el("p", { class: "ti" });
    this.sub = el("p", { class: "sub" });
    this.value = el("p", { class: "val" });
    this.trend = el("div", { class: "trend" });
    this.since = el("p", { class: "small quiet" });
    this.acts = el("div", { class: "acts" });
    this.node = el(
      "li",
      { "data-alarm": alarm.alarm_id, onclick: (event) => this.#clicked(event) },
      this.mark,
      el("div", {}, this.title, this.sub),
      el("div", { class: "rt" }, this.value, this.trend, this.since),
      this.acts,
    );
  }

  /** Write what changed. */
  update(alarm, place) {
    const before = this.alarm;
    this.alarm = alarm;
    const look = lookOf(alarm);
    if (this.look !== look || this.lettered !== `${alarm.state} ${alarm.severity}`) {
      this.lettered = `${alarm.state} ${alarm.severity}`;
      this.look = look;
      this.mark.replaceChildren(glyph(`s-${look}`, t(`state.${look}`)), this.no);
      this.#writeTitle();
      this.#writeActs();
    } else if (before.title !== alarm.title) this.#writeTitle();
    patch(this.no, place === null ? "" : String(place));
    const origin = alarm.sensor && alarm.sensor.origin !== "field" && this.about.tellsOrigin() && t(`origin.sensor_${alarm.sensor.origin}`);
    patch(this.sub, [alarm.detail, alarm.assignee && t("supervision.assigned", { who: alarm.assignee }), origin].filter(Boolean).join(" · "));
    this.draw();
    this.tick();
  }

  /** Whether this is the one that is looked at: it is marked, and what is followed opens its acts. */
  choose(chosen) {
    this.chosen = chosen;
    this.node.classList.toggle("open", chosen);
    this.acts.querySelector(".btn")?.classList.toggle("main", chosen && isToTreat(this.alarm));
    const opener = this.title.querySelector("button");
    opener?.setAttribute("aria-expanded", String(chosen));
    this.acts.hidden = Boolean(opener) && !chosen;
    if (!chosen) this.#close();
  }

  /** Draw the trend, where there is one to draw. */
  draw() {
    const { alarm } = this;
    if (!isToTreat(alarm) || alarm.series_id === null) return this.trend.replaceChildren();
    const seen = this.about.newest(alarm.series_id);
    // The last mean may lag behind: the line ends with what is written above it.
    const points = [...this.about.trend(alarm.series_id), ...(Number.isFinite(seen) ? [[now(), seen]] : [])];
    const { expected_low: low, expected_high: high, limit = null } = alarm.figures;
    const band = Number.isFinite(low) && Number.isFinite(high) ? { low, high } : null;
    return this.trend.replaceChildren(points.length > 1 ? spark(points, { gap: Math.max(BREAK_MS, 3000 * (this.about.metrics.get(alarm.metric)?.step_s ?? 0)), state: "alarm", band, limit }) : "");
  }

  /** Let its age grow, and show what was measured since. */
  tick() {
    this.#writeValue();
    patch(this.since, sinceWords(this.alarm));
  }

  #clicked({ target }) {
    if (!target.closest("a, button, input, select, .beneath") && !getSelection().toString()) this.about.choose(this.alarm);
  }

  #writeTitle() {
    const { alarm } = this;
    const page = pageOf(alarm);
    const link = isToTreat(alarm) && page;
    const open = () => this.about.choose(this.chosen ? null : alarm);
    this.title.replaceChildren(link ? el("a", { href: page }, alarm.title) : el("button", { type: "button", "aria-expanded": String(Boolean(this.chosen)), onclick: open }, alarm.title));
  }

  #writeValue() {
    const { alarm } = this;
    const metric = this.about.metrics.get(alarm.metric);
    const value = this.about.newest(alarm.series_id) ?? alarm.figures.value;
    if (this.written === value && this.grouped === alarm.members) return;
    this.written = value;
    this.grouped = alarm.members;
    if (isGroup(alarm)) this.value.replaceChildren(t("communes.sensors", { n: alarm.members }));
    else if (!metric || !Number.isFinite(value)) this.value.replaceChildren();
    else this.value.replaceChildren(measured(metric, value), "\u00a0", el("span", { class: "unit" }, unit(metric)));
  }

  #writeActs() {
    const { alarm, about } = this;
    const page = pageOf(alarm);
    const button = (words, run, more = {}) => el("button", { class: "btn", type: "button", ...more, onclick: run }, words);
    const mine = about.may(alarm) ? this.#offered(button) : [];
    this.why = el("button", { class: "why", type: "button", "aria-expanded": "false", onclick: () => (this.#opened ? this.#close() : this.#open()) }, t("supervision.why"));
    const held = this.acts.contains(document.activeElement);
    this.acts.replaceChildren(...mine, page ? el("a", { class: "btn plain", href: page }, t("supervision.open")) : "", this.why);
    this.#close();
    this.choose(Boolean(this.chosen));
    // Whoever stood on an act stands on the one that took its place.
    if (held) this.focus();
  }

  /** Let the keyboard go on from here. */
  focus() {
    (this.acts.hidden ? this.title : this.acts).querySelector("button, a")?.focus({ preventScroll: true });
  }

  #offered(button) {
    const { alarm, about } = this;
    const did = (what, more) => () => about.did(alarm, what, more?.());
    if (alarm.state === "acknowledged") return [button(t("supervision.unacknowledge"), did("unacknowledge"))];
    if (alarm.state === "snoozed") return [button(t("supervision.unsnooze"), did("unsnooze"))];
    if (alarm.state === "muted") return [];
    const until = () => ({ until: hoursFromNow(SNOOZE_H) });
    return [
      button(t("supervision.acknowledge"), did("acknowledge"), { "data-act": "acknowledge" }),
      el(
        "span",
        { class: "split" },
        button(t("supervision.snooze_4"), did("snooze", until), { "data-act": "snooze" }),
        el("button", { class: "btn", type: "button", "aria-haspopup": "dialog", "aria-label": t("supervision.snooze_other"), title: t("supervision.snooze_other"), onclick: () => askSnooze(alarm, (changed) => about.did(changed, "")) }, glyph("i-down")),
      ),
    ];
  }

  #close() {
    this.#opened?.remove();
    this.#opened = null;
    this.why?.setAttribute("aria-expanded", "false");
  }

  async #open() {
    this.why.setAttribute("aria-expanded", "true");
    const box = el("div", { class: "beneath" }, el("span", { class: "skeleton w12" }, "\u00a0"));
    this.#opened = box;
    this.node.append(box);
    try {
      const alarm = await readAlarm(this.alarm.alarm_id);
      box.replaceChildren(...this.#told(alarm));
    } catch (error) {
      box.replaceChildren(el("p", { class: "note alarm", role: "alert" }, t("data.failed", { why: error.message })));
    }
  }

  #told(alarm) {
    const { about } = this;
    const again = () => {
      about.changed();
      this.#close();
      return this.#open();
    };
    const edit = (words, question) => el("button", { type: "button", onclick: () => question(alarm, again) }, words);
    const members = (alarm.members ?? []).map((one) => el("li", {}, glyph(`s-${lookOf({ ...one, state: "raised", severity: "info" })}`), el("a", { href: pageOf(one) }, [one.sensor?.name, one.site?.name].filter(Boolean).join(", ")), el("span", { class: "small quiet" }, sinceWords(one))));
    return [
      el("p", { class: "says" }, alarm.why),
      members.length ? el("ul", { class: "members" }, ...members) : "",
      actsList(alarm.acts),
      about.may(alarm) ? el("p", { class: "links" }, edit(t("supervision.assign_ask"), askAssign), edit(t("supervision.comment_ask"), askComment)) : "",
    ];
  }
}

/** `depuis 24 min`, `jusqu’à 18 h`, `acquittée il y a 5 min`. */
export function sinceWords(alarm) {
  if (lookOf(alarm) === "muted") {
    const end = alarm.snoozed_until ?? alarm.figures.ends_at;
    return end ? t("supervision.until_then", { time: moment(Date.parse(end), now()) }) : t("state.muted");
  }
  const since = Math.max(0, now() - Date.parse(alarm.since));
  return t("supervision.since", { span: lasting(since) });
}
