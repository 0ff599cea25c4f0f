/** What was refused and why: counts by reason, and the messages themselves, raw on demand. */

import { now } from "./api.js";
import { el, glyph } from "./element.js";
import { clock, moment, number } from "./formats.js";
import { share } from "./spark.js";
import { t } from "./words.js";

const CUT = 2000;

/** Counts by reason, the most frequent first. */
export function reasonTable(counts) {
  if (!counts.length) return el("p", { class: "lede none" }, t("data.none"));
  const most = counts[0].count;
  const row = ({ reason, count }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "state" }, glyph("s-refused"), t(`reason.${reason}`))),
      el("td", { class: "num" }, number(count)),
      el("td", { class: "curve" }, share(count / most)),
    );
  const heads = [["data.reason", null], ["data.count", "num"]];
  return el(
    "table",
    {},
    el("caption", { class: "vh" }, t("data.reasons")),
    el("thead", {}, el("tr", {}, ...heads.map(([key, kind]) => el("th", { scope: "col", class: kind }, t(key))), el("td", {}))),
    el("tbody", {}, ...counts.map(row)),
  );
}

/** One refused message: when, why, of whom; its raw bytes one click away. */
export function refusal(item) {
  const at = Date.parse(item.received_at);
  return el(
    "details",
    { class: "refusal" },
    el(
      "summary",
      {},
      el("time", { datetime: item.received_at }, moment(at, now(), clock)),
      el("span", { class: "state" }, glyph("s-refused"), t(`reason.${item.reason}`)),
      el("span", { class: "quiet" }, item.external_id ?? item.topic),
    ),
    el(
      "dl",
      { class: "facts" },
      ...fact("data.detail", item.detail),
      ...fact("data.topic", el("code", {}, item.topic)),
      ...fact("data.size", t("data.bytes", { n: number(item.size_bytes) })),
      ...fact("data.raw", el("pre", { tabindex: "0" }, el("code", {}, item.payload_text || t("data.empty_payload")))),
      ...(item.payload_text.length >= CUT ? [el("dd", { class: "quiet small" }, t("data.cut"))] : []),
    ),
  );
}

const fact = (key, value) => [el("dt", {}, t(key)), el("dd", {}, value)];

/** Sensors that publish and that nobody adopted. */
export function unknownTable(sensors, adopt) {
  if (!sensors.length) return el("p", { class: "lede none" }, t("data.none_unknown"));
  const heads = [["identifier", null], ["network", "wide"], ["kept", "num"], ["last", null]];
  const row = (sensor) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("code", {}, sensor.external_id)),
      el("td", { class: "wide" }, sensor.network),
      el("td", { class: "num" }, number(sensor.messages)),
      el("td", {}, moment(Date.parse(sensor.last_received_at), now(), clock)),
      el("td", { class: "num" }, el("button", { class: "btn", type: "button", "aria-label": t("data.adopt_named", { id: sensor.external_id }), onclick: () => adopt(sensor) }, t("data.adopt"))),
    );
  return el(
    "table",
    {},
    el("caption", { class: "vh" }, t("data.unknown")),
    el("thead", {}, el("tr", {}, ...heads.map(([key, kind]) => el("th", { scope: "col", class: kind }, t(`data.${key}`))), el("td", {}))),
    el("tbody", {}, ...sensors.map(row)),
  );
}
