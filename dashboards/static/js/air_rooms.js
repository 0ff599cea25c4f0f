/** The rooms of a site by expected need, and when their windows are to be opened. */

import { now } from "./api.js";
import { Clock } from "./air_clock.js";
import { el, glyph } from "./element.js";
import { ago, moment, number, prose } from "./formats.js";
import { t } from "./words.js";

const SCALE = { low: 400, floor: 2000 };
const NUM = "num";

/** The table; `choose` takes a room. */
export function roomTable(picture, selected, choose) {
  const high = Math.max(SCALE.floor, ...picture.rooms.flatMap((room) => [room.without?.peak.p90 ?? 0, room.limit_ppm]));
  const at = (ppm) => `${(100 * (ppm - SCALE.low)) / (high - SCALE.low)}%`;
  const clock = new Clock(picture);
  const head = (text, css = NUM) => el("th", { scope: "col", class: css }, text);
  const caption = t("air.rooms_hint", { n: picture.rooms.length, from: prose(clock.start), until: prose(clock.until) });
  return el(
    "table",
    { class: "rooms" },
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head(t("air.room"), null), head(t("air.now")), el("th", { scope: "col" }, t("air.peak"), axis(at, high)), head(t("air.hours_without"), "num wide"), head(t("air.hours_with")), head(t("air.next")))),
    el("tbody", {}, ...picture.rooms.map((room) => row(room, room.code === selected, { at, choose })), ...picture.unknown.map(unknownRow)),
  );
}

function axis(at, high) {
  const step = high > 3000 ? 1000 : 500;
  const box = el("span", { class: "axis", "aria-hidden": "true" });
  for (let ppm = step; ppm < high; ppm += step) box.append(left(el("i", {}, number(ppm)), at(ppm)));
  return box;
}

function left(node, where) {
  node.style.left = where;
  return node;
}

function row(room, current, { at, choose }) {
  const name = el("button", { type: "button", onclick: () => choose(room) }, room.name);
  const over = (variant) => (variant ? number(variant.over_limit_h.p90, 2) : "–");
  return el(
    "tr",
    { "aria-current": current ? "true" : null, "data-code": room.code },
    el("th", { scope: "row" }, name),
    el("td", { class: "num nb" }, mark(room), " ", ...reading(room)),
    el("td", {}, room.without && room.without.peak.p50 !== null ? interval(room, at) : el("span", { class: "quiet" }, room.without ? t("air.useless") : t("air.design"))),
    el("td", { class: "num quiet wide" }, over(room.without)),
    el("td", { class: NUM }, over(room.with)),
    el("td", { class: "num nb" }, room.first_at ? moment(Date.parse(room.first_at), now()) : el("span", { class: "quiet" }, t("air.useless"))),
  );
}

/** The newest reading; an old one is greyed, with its age. */
function reading(room) {
  const latest = room.trend.at(-1);
  if (!latest) return ["–"];
  if (room.footing !== "stale") return [number(latest[1])];
  return [el("span", { class: "quiet" }, `${number(latest[1])} · ${ago(now() - Date.parse(latest[0]))}`)];
}

/** The state of a room, shape and word: nothing where all is well. */
function mark(room) {
  if (room.footing === "stale") return glyph("s-silent", t("air.stale"));
  if (room.beyond) return glyph("s-alarm", t("air.beyond"));
  if (room.above || room.trend.at(-1)?.[1] > room.limit_ppm) return glyph("s-watch", t("air.above"));
  return null;
}

function interval(room, at) {
  const { without, with: planned } = room;
  const label = t("air.interval", {
    p50: number(without.peak.p50), p10: number(without.peak.p10), p90: number(without.peak.p90),
    with50: number(planned.peak.p50), with10: number(planned.peak.p10), with90: number(planned.peak.p90),
  });
  const band = (peak, css) => {
    const node = left(el("i", { class: css }), at(peak.p10));
    node.style.width = `calc(${at(peak.p90)} - ${at(peak.p10)})`;
    return node;
  };
  return el(
    "span",
    { class: "iv two", role: "img", "aria-label": label },
    left(el("u"), at(room.limit_ppm)),
    band(without.peak, "ref"),
    left(el("b", { class: "ref" }), at(without.peak.p50)),
    band(planned.peak, "p"),
    left(el("b", { class: "p" }), at(planned.peak.p50)),
  );
}

const unknownRow = (room) =>
  el("tr", { class: "dim" }, el("th", { scope: "row" }, room.name), el("td", { class: "num nb" }, glyph("s-silent", t("air.never"))), el("td", { colspan: 4 }, t("air.never")));

/** When to open which windows: one line per series of airings, with the rooms that share it. */
export function airingList(picture) {
  const clock = new Clock(picture);
  const starts = picture.rooms.flatMap((room) =>
    Clock.runs(room.airs)
      .filter(([airs]) => airs)
      .map(([, first, after]) => ({ room, first, after })),
  );
  if (!starts.length) return el("p", { class: "lede small" }, t("air.no_airing"));
  starts.sort((a, b) => a.first - b.first || a.after - b.after);
  const series = Map.groupBy(starts, ({ first, after }) => `${first}-${after}`);
  return el("ol", { class: "adv" }, ...[...series.values()].map((several) => airing(picture, clock, several)));
}

function airing(picture, clock, several) {
  const [{ first, after }] = several;
  const at = clock.quarter(first);
  const again = after - first > 1 ? ` ${t("air.every_quarter", { until: prose(clock.quarter(after)) })}` : "";
  const bad = picture.outdoor.advice[first] === "no" ? ` ${t("air.bad_air")}` : "";
  const names = several.map(({ room }) => room.name).join(", ");
  return el(
    "li",
    {},
    el("time", { datetime: new Date(at).toISOString() }, prose(at)),
    el("div", {}, el("strong", {}, names), el("p", {}, t("air.airing", { n: several.length }), again, bad)),
  );
}
