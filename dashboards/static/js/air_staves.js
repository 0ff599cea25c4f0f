/** One room's staves on one clock: CO2 measured and expected, presence, need, fan, windows; then the air outdoors. */

import { Clock } from "./air_clock.js";
import { el, svg } from "./element.js";
import { number, prose } from "./formats.js";
import { t } from "./words.js";

const [WIDTH, HEIGHT] = [1000, 340];
const FLOOR_PPM = 350;
const GAP_MS = 45 * 60_000;

/** @returns {Node[]} */
export function staves(picture, room) {
  const clock = new Clock(picture);
  return [
    stave("load", [t("air.co2"), "ppm"], plot(clock, room), saved(room)),
    stave("act", [t("air.presence"), t(room.without ? "air.presence_hint" : "air.open_hours")], presence(clock, room), null),
    stave("act", [t("air.needed"), t("air.needed_hint")], need(clock, room), [`${number(Math.max(...room.needed_m3_h))}\u00a0m³/h`, t("air.at_most")]),
    stave("act", [t("air.fan"), t("air.fan_hint")], fan(clock, room), fanValue(room)),
    stave("act", [t("air.openings"), t("air.openings_hint")], openings(clock, room), openingsValue(room)),
    ...outdoor(clock, picture.outdoor),
  ];
}

function stave(kind, [name, hint], strip, value) {
  return el(
    "div",
    { class: `pr ${kind}` },
    el("div", { class: "pk" }, el("b", {}, name), el("span", {}, hint)),
    el("div", { class: "pp" }, strip),
    el("div", { class: "pv" }, value && el("b", {}, value[0]), value && el("span", {}, value[1])),
  );
}

function saved({ without, with: planned }) {
  if (!without) return ["–", t("air.design")];
  const hours = planned.over_limit_h.p90 - without.over_limit_h.p90;
  return [`${number(hours, 2)}\u00a0h`, t("air.hours_saved")];
}

function plot(clock, room) {
  const { without, with: planned, limit_ppm: limit } = room;
  const values = [...room.trend.map(([, ppm]) => ppm), ...(without ? [...without.p90, ...planned.p90] : []), limit];
  const top = Math.ceil((Math.max(...values) + 50) / 500) * 500;
  const x = (at) => (clock.share(at) * WIDTH).toFixed(1);
  const y = (ppm) => (HEIGHT * (1 - (ppm - FLOOR_PPM) / (top - FLOOR_PPM))).toFixed(1);
  const line = (row) => row.map((ppm, place) => `${place ? "L" : "M"}${x(clock.quarter(place))} ${y(ppm)}`).join("");
  const band = (variant) => `${line(variant.p90)}${variant.p10.map((ppm, place) => `L${x(clock.quarter(place))} ${y(ppm)}`).reverse().join("")}Z`;
  const marks = [];
  for (let ppm = 500; ppm <= top; ppm += top > 2500 ? 1000 : 500) marks.push(ppm);
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": told(room) },
    ...marks.map((ppm) => svg("path", { class: "g-grid", d: `M0 ${y(ppm)}H${WIDTH}` })),
    svg("path", { class: "g-axis", d: `M0 ${HEIGHT}H${WIDTH}` }),
    without && svg("path", { class: "g-reffan", d: band(without) }),
    without && svg("path", { class: "g-fan", d: band(planned) }),
    without && svg("path", { class: "g-ref", d: line(without.p50) }),
    without && svg("path", { class: "g-fc", d: line(planned.p50) }),
    svg("path", { class: "g-obs", d: measured(room, x, y) }),
    svg("path", { class: "g-limit", d: `M0 ${y(limit)}H${WIDTH}` }),
  );
  const low = (ppm) => `${(100 * (ppm - FLOOR_PPM)) / (top - FLOOR_PPM)}%`;
  const label = (css, text, left, bottom) => at(el("span", { class: css }, text), left, bottom);
  const hours = clock.hours.map(([hour, text]) => label("tx", text, `${100 * clock.share(hour)}%`, ""));
  const start = at(el("i", { class: "now left", "data-l": prose(clock.start) }), `${100 * clock.share(clock.start)}%`, "");
  return el(
    "div",
    { class: "plot" },
    drawing,
    ...marks.map((ppm) => label("ty", number(ppm), "", low(ppm))),
    ...hours,
    start,
    label("lb alarm", t("air.limit_is", { ppm: number(limit) }), "1%", low(limit)),
  );
}

function at(node, left, bottom) {
  if (left) node.style.left = left;
  if (bottom) node.style.bottom = bottom;
  return node;
}

function told(room) {
  if (!room.without || room.without.peak.p90 === null) return t("air.chart_unknown", { room: room.name });
  return t("air.chart", { room: room.name, without: number(room.without.peak.p90), with: number(room.with.peak.p90), limit: number(room.limit_ppm) });
}

function measured(room, x, y) {
  let before = -Infinity;
  let path = "";
  for (const [observed, ppm] of room.trend) {
    const instant = Date.parse(observed);
    path += `${instant - before > GAP_MS ? "M" : "L"}${x(instant)} ${y(ppm)}`;
    before = instant;
  }
  return path || "M0 0";
}

function strip(clock, values, css) {
  const runs = Clock.runs(values).filter(([value]) => value);
  const boxes = runs.map(([value, first, after]) => clock.place(el("i", { class: css(value) }), clock.quarter(first), clock.quarter(after)));
  return el("span", { class: "gant", "aria-hidden": "true" }, ...boxes);
}

const presence = (clock, room) => strip(clock, room.occupied, () => "oc");

const fan = (clock, room) => strip(clock, room.level_m3_h, (level) => (level < room.levels_m3_h.at(-1) ? "lo" : null));

function fanValue(room) {
  if (room.levels_m3_h.length < 2) return ["–", t("air.no_fan")];
  return [`${number(Math.max(...room.level_m3_h))}\u00a0m³/h`, t("air.at_most")];
}

const AIRING_MS = 10 * 60_000;

function openings(clock, room) {
  const starts = room.airs.flatMap((airs, place) => (airs ? [clock.quarter(place)] : []));
  return el("span", { class: "gant", "aria-hidden": "true" }, ...starts.map((start) => clock.place(el("i"), start, start + AIRING_MS)));
}

function openingsValue(room) {
  if (!room.can_air) return ["–", t("air.no_windows")];
  const n = room.airs.filter(Boolean).length;
  return [t("air.times", { n }), ""];
}

/** The flow that is needed, as steps under the strongest level that the fan has. */
function need(clock, room) {
  const high = Math.max(...room.needed_m3_h, ...room.levels_m3_h, 1);
  const x = (place) => (clock.share(clock.quarter(place)) * WIDTH).toFixed(1);
  const y = (flow) => (100 * (1 - flow / high)).toFixed(1);
  const path = room.needed_m3_h.map((flow, place) => `V${y(flow)}H${x(place + 1)}`).join("");
  return svg(
    "svg",
    { class: "need", viewBox: `0 0 ${WIDTH} 100`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "g-fan", d: `M${x(0)} 100${path}V100Z` }),
    svg("path", { class: "g-axis", d: `M0 100H${WIDTH}` }),
  );
}

function outdoor(clock, air) {
  if (air.advice.every((word) => word === "unknown")) return [];
  const cells = (values, word, css) => {
    const items = clock.wholes.map(([, first, after]) => {
      const part = values.slice(first, after);
      const item = el("li", { class: css(part) }, el("span", { class: "vh" }, `${prose(clock.quarter(first))} : `), word(part));
      return clock.place(item, clock.quarter(first), clock.quarter(after));
    });
    return el("ol", { class: "cells" }, ...items);
  };
  const worst = (part) => ["no", "short", "yes", "unknown"].find((word) => part.includes(word));
  const highest = (part) => number(Math.max(...part));
  const row = (name, values) => stave("act", [t(`air.${name}`), name === "temperature" ? "°C" : "µg/m³"], cells(values, highest, () => null), [highest(values), t("air.max")]);
  return [
    el("h3", {}, t("air.outdoor"), el("span", {}, t("air.outdoor_hint"))),
    stave("act", [t("air.advice"), t("air.advice_hint")], cells(air.advice, (part) => t(`air.advice_is.${worst(part)}`), worst), null),
    ...(air.no2_ugm3 ? [row("no2", air.no2_ugm3)] : []),
    ...(air.pm25_ugm3 ? [row("pm25", air.pm25_ugm3)] : []),
    ...(air.temperature_c ? [row("temperature", air.temperature_c)] : []),
  ];
}
