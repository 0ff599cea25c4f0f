/** Drawing on one clock: every stave of a day has the same width in time, in an SVG that stretches. */

import { el, svg } from "./element.js";
import { minute } from "./formats.js";
import { hourOf, ticks } from "./paris.js";
import { language } from "./words.js";

export const WIDTH = 1000;
const TICK_HOURS = 3;

/** The clock of a picture: where an instant or a step stands, as a share of the width. */
export class Clock {
  constructor({ start, step_s: step, planned_kw: steps }) {
    this.start = Date.parse(start);
    this.step = step * 1000;
    this.steps = steps.length;
    this.end = this.start + this.steps * this.step;
  }

  share = (at) => Math.min(1, Math.max(0, (at - this.start) / (this.end - this.start)));
  at = (place) => this.start + place * this.step;
  /** Hours of the Paris clock that are named under the picture. */
  ticks = () => ticks(this.start, this.end, TICK_HOURS);
}

/** The path of a power that holds through each step. */
export function stairs(values, height, top, bottom = 0) {
  const x = (place) => round((place / values.length) * WIDTH);
  const y = (value) => round(height * (1 - (value - bottom) / (top - bottom || 1)));
  return values.map((value, place) => `${place ? "L" : "M"}${x(place)} ${y(value)}H${x(place + 1)}`).join("");
}

/** The path of a state that is known at the end of each step. */
export function line(values, height, top, bottom) {
  const y = (value) => round(height * (1 - (value - bottom) / (top - bottom || 1)));
  return values.map((value, place) => `${place ? "L" : "M"}${round(((place + 1) / values.length) * WIDTH)} ${y(value)}`).join("");
}

/** The outline between two stairs. */
export function between(lows, highs, height, top) {
  const back = [];
  const x = (place) => round((place / lows.length) * WIDTH);
  const y = (value) => round(height * (1 - value / (top || 1)));
  for (let place = lows.length - 1; place >= 0; place -= 1) back.push(`L${x(place + 1)} ${y(lows[place])}H${x(place)}`);
  return `${stairs(highs, height, top)}${back.join("")}Z`;
}

/** Runs of steps whose values are the same by `key`: `[first, last, value]`. */
export function runs(values, key = (value) => value) {
  const found = [];
  values.forEach((value, place) => {
    const last = found.at(-1);
    if (last && key(last[2]) === key(value)) last[1] = place + 1;
    else found.push([place, place + 1, value]);
  });
  return found;
}

export const path = (kind, d) => svg("path", { class: kind, d });

/** A plot: an image with its words, and labels that do not stretch. */
export function plot(label, height, parts, labels = [], tall = "") {
  const image = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, ...parts);
  return el("div", { class: `plot ${tall}` }, image, ...labels);
}

/** A label at a share of the width and of the height. */
export function label(kind, text, { left, bottom }) {
  const node = el("span", { class: kind, "aria-hidden": "true" }, text);
  if (left !== undefined) node.style.left = `${round(left * 100)}%`;
  if (bottom !== undefined) node.style.bottom = `${round(bottom * 100)}%`;
  return node;
}

/** The hours under a plot. */
export function hourLabels(clock) {
  return clock.ticks().map((at) => label("tx", language === "fr" ? `${hourOf(at)}\u00a0h` : minute(at), { left: clock.share(at) }));
}

/** The next round number above a value: 1, 2, 2.5 or 5 times a power of ten, as a step of an axis. */
export function axis(most, parts = 3) {
  const raw = Math.max(most, 1) / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  return { step, top: Math.max(step, Math.ceil(most / step) * step) };
}

function round(value) {
  return Math.round(value * 100) / 100;
}
