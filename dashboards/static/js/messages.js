/** Refused messages, the newest first; each whole one click away. */

import { now, read } from "./api.js";
import { el, glyph } from "./element.js";
import { clock, moment } from "./formats.js";
import { rawFacts } from "./raw.js";
import { replayOne } from "./replay.js";
import { t } from "./words.js";

const PAGE = 20;

/** One page of messages: those that fit the filter, as the API takes it. */
export const readMessages = (filter, before) => read("/rejections", { ...filter, before, limit: PAGE });

/**
 * A page of messages, with a button for the older ones.
 * @param {{items: object[], next: number | null}} page
 * @param {object} filter what the page was asked by
 * @param {{names: Map<string, string>, settle: () => void, failed: (error: Error) => void}} view
 */
export function messageList({ items, next }, filter, view) {
  if (!items.length) return [el("p", { class: "lede none" }, t("data.none"))];
  const list = el("div", {}, ...items.map((item) => message(item, view)));
  if (next === null) return [list];
  const more = el("p", { class: "links more" }, el("button", { type: "button", onclick: older }, t("data.older")));
  async function older() {
    more.replaceWith(...messageList(await readMessages(filter, next), filter, view));
  }
  return [list, more];
}

/** One message: when, why, of whom; it can be replayed alone. */
function message(item, view) {
  const box = el(
    "details",
    { class: "refusal", ontoggle: open },
    el(
      "summary",
      {},
      el("time", { datetime: item.received_at }, moment(Date.parse(item.received_at), now(), clock)),
      el("span", { class: "state" }, glyph("s-refused"), t(`reason.${item.reason}`)),
      el("span", { class: "quiet" }, view.names.get(item.external_id) ?? item.external_id ?? item.topic),
    ),
  );
  // A list carries the beginning of long messages; what is opened is read whole.
  async function open() {
    if (!box.open || box.childElementCount > 1) return;
    const facts = el("div", {});
    box.append(facts);
    try {
      const whole = await read(`/rejections/${item.rejection_id}`);
      facts.replaceChildren(rawFacts(whole), replayOne(whole, view));
    } catch (error) {
      facts.replaceWith();
      box.append(el("p", { class: "note alarm", role: "alert" }, t("data.failed", { why: error.message })));
    }
  }
  return box;
}
