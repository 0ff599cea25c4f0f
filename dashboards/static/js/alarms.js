/** The open alarms of a commune, or of all that a person sees: which ask for somebody now, which are followed. */

import { read } from "./api.js";
import { language } from "./words.js";

const PAGE = 200;
const PAGES_MAX = 5;

/** Where the journal, the rules and the maintenance windows of a commune stand. */
export const alarmsPage = (commune, view = "") =>
  `/alarmes?${new URLSearchParams(Object.entries({ commune, view }).filter(([, value]) => value))}`;

/** Read the open alarms, the most urgent first; `filter` as the API takes it. */
export async function readAlarms(filter) {
  const items = [];
  let cursor;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await read("/alarms", { state: "open", limit: PAGE, language, ...filter, cursor });
    items.push(...answer.items);
    if (answer.next === null) break;
    cursor = answer.next;
  }
  return items;
}

/** The most urgent alone: those that wait for somebody come first. */
export const readFirstAlarms = async (commune) => (await read("/alarms", { state: "open", limit: PAGE, language, commune })).items;

export const readCounts = (commune) => read("/alarms/counts", { commune });
export const readAlarm = (id) => read(`/alarms/${id}`, { language });
/** What belongs to an alarm of a gateway or of a site. */
export const readMembers = (id) => read("/alarms", { parent_id: id, state: "open", limit: PAGE, language });

/** Whether it asks for a person now: urgent enough, and nobody has taken it yet. */
export const isToTreat = ({ state, asks }) => state === "raised" && asks;

export const isGroup = (alarm) => alarm.members > 0;

const LOOKS = { silence: "silent", stuck: "suspect", completeness: "silent" };

/** The glyph of an alarm: a diamond asks for somebody; what is followed has the shape of what it says. */
export function lookOf(alarm) {
  if (isToTreat(alarm)) return "alarm";
  if (alarm.state === "snoozed" || alarm.state === "muted") return "muted";
  if (alarm.state === "acknowledged") return "done";
  return LOOKS[alarm.name] ?? "watch";
}

/** The open alarms as one picture: what to treat, what to follow, and what they say of each sensor. */
export class AlarmBook {
  toTreat = [];
  toFollow = [];
  /** Sensors of which an alarm asks for a person now. */
  alarming = new Set();
  /** Sensors that a person or a maintenance window silenced. */
  muted = new Set();
  counts = null;

  constructor(items = [], counts = null) {
    this.counts = counts;
    this.items = items;
    for (const alarm of items) {
      (isToTreat(alarm) ? this.toTreat : this.toFollow).push(alarm);
      const id = alarm.sensor?.sensor_id;
      if (id === undefined) continue;
      if (isToTreat(alarm)) this.alarming.add(id);
      if (lookOf(alarm) === "muted") this.muted.add(id);
    }
    // Of one cause first, what is silenced or taken last; else as urgent as the API has it.
    const place = (alarm) => (isGroup(alarm) ? 0 : alarm.state === "raised" ? 1 : 2);
    this.toFollow.sort((one, other) => place(one) - place(other));
  }

  /** Read it anew. */
  static async read(commune) {
    const [items, counts] = await Promise.all([readAlarms({ commune }), readCounts(commune)]);
    return new AlarmBook(items, counts);
  }

  find(id) {
    return this.items.find(({ alarm_id: one }) => one === id);
  }

  /** Alarms of a gateway that silences its sensors, the largest first. */
  get gateways() {
    return this.items.filter((alarm) => alarm.gateway && isGroup(alarm) && alarm.name === "silence").sort((a, b) => b.members - a.members);
  }

  /** Sensors that are silent because their gateway is. */
  get behindGateways() {
    return this.gateways.reduce((sum, { members }) => sum + members, 0);
  }
}
