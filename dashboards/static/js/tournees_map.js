/** The round's map: places by their coordinates, legs as straight lines; the area around the points, schematic. */

import { valueText } from "./decision.js";
import { el, svg } from "./element.js";
import { number } from "./formats.js";
import { t } from "./words.js";

const WIDTH = 760;
const HEIGHT = 520;
const PAD = 70;
const KM_PER_DEGREE = 111.195;
const STEPS_KM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** The class that tells a truck's route from the others. */
export const category = (index) => `cat-${(index % 6) + 1}`;

/** @param {object} picture what a decision draws @param {string} chosen code of the truck whose stops are numbered */
export function roundMap(picture, chosen) {
  const { garage, unloading, trucks, stops, left_out: left } = picture;
  const placed = left.filter((bin) => bin.longitude !== null && bin.latitude !== null);
  const places = [garage, unloading, ...stops, ...placed];
  const { at, pixelsPerKm } = projection(places);
  const shown = trucks.map((truck, index) => ({ truck, index, own: stops.filter((stop) => stop.truck === truck.code) }));
  shown.sort((a, b) => Number(a.truck.code === chosen) - Number(b.truck.code === chosen));
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t("tournees.map_label", { stops: stops.length, left: left.length }) },
    svg("path", { class: "m-area", d: closed(hull(places.map(at))) }),
    ...placed.map((bin) => named(svg("circle", { class: "m-left", r: 3.5, ...centre(at(bin)) }), bin)),
    ...shown.map(({ truck, index, own }) => svg("path", { class: `m-run ${category(index)}${truck.code === chosen ? " here" : ""}`, d: open(legs(truck, own, picture).map(at)) })),
    ...shown.flatMap(({ truck, index, own }) => own.flatMap((stop) => stopMark(stop, at(stop), index, truck.code === chosen))),
    ...place(unloading, at(unloading), "site"),
    ...place(garage, at(garage), ""),
    ...scale(pixelsPerKm),
  );
  return [drawing, el("span", { class: "src" }, t("tournees.schematic"))];
}

/** A truck's way: from the garage, by its stops and emptyings, to the garage. */
function legs(truck, own, { garage, unloading }) {
  const way = [garage];
  for (const stop of own) {
    way.push(stop);
    if (truck.unloaded_after.includes(stop.order)) way.push(unloading);
  }
  return [...way, garage];
}

function stopMark(stop, at, index, here) {
  const circle = svg("circle", { class: `m-dot ${here ? "here" : category(index)}`, r: here ? 10 : 5, ...centre(at) });
  return [named(circle, stop), here && svg("text", { class: "m-no", x: at.x, y: at.y }, String(stop.order))].filter(Boolean);
}

function named(mark, bin) {
  const risk = bin.probability === null ? "" : ` · ${t("tournees.risk")} ${valueText("probability", bin.probability)}`;
  mark.append(svg("title", {}, `${bin.name}${risk}`));
  return mark;
}

function place({ name }, { x, y }, kind) {
  const right = x > WIDTH * 0.7;
  const label = svg("text", { class: "m-call m-halo", x: right ? x - 12 : x + 12, y: y + 4, "text-anchor": right ? "end" : "start" }, name);
  return [svg("rect", { class: `m-place ${kind}`, x: x - 6, y: y - 6, width: 12, height: 12 }), label];
}

function scale(pixelsPerKm) {
  const km = STEPS_KM.findLast((step) => step * pixelsPerKm <= WIDTH / 5) ?? STEPS_KM[0];
  const [x, y, length] = [WIDTH - 24, HEIGHT - 26, km * pixelsPerKm];
  return [
    svg("path", { class: "m-scale", d: `M${x - length} ${y - 4}v4h${length}v-4` }),
    svg("text", { class: "m-small", x: x - length / 2, y: y - 8 }, t("tournees.scale", { n: number(km, km < 1 ? 1 : 0) })),
  ];
}

/** Degrees to the drawing, north up, the same scale both ways. */
function projection(places) {
  const middle = (Math.min(...places.map((one) => one.latitude)) + Math.max(...places.map((one) => one.latitude))) / 2;
  const squeeze = Math.cos((middle * Math.PI) / 180);
  const xs = places.map((one) => one.longitude * squeeze);
  const ys = places.map((one) => -one.latitude);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const pixels = Math.min((WIDTH - 2 * PAD) / (right - left || 1e-6), (HEIGHT - 2 * PAD) / (bottom - top || 1e-6), 60 * KM_PER_DEGREE * 12);
  const [x0, y0] = [(WIDTH - (right - left) * pixels) / 2, (HEIGHT - (bottom - top) * pixels) / 2];
  return {
    at: ({ longitude, latitude }) => ({ x: round(x0 + (longitude * squeeze - left) * pixels), y: round(y0 + (-latitude - top) * pixels) }),
    pixelsPerKm: pixels / KM_PER_DEGREE,
  };
}

/** Corners of the smallest convex area around points (Andrew's monotone chain). */
function hull(points) {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const half = (ordered) => {
    const chain = [];
    for (const point of ordered) {
      while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

const turn = (a, b, c) => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
const round = (value) => Math.round(value * 10) / 10;
const centre = ({ x, y }) => ({ cx: x, cy: y });
const open = (points) => `M${points.map(({ x, y }) => `${x} ${y}`).join("L")}`;
const closed = (points) => `${open(points)}Z`;
