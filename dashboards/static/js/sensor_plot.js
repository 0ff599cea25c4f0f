/** A small drawing on one time axis: ink for what was measured, accent for what is expected; gaps stay gaps. */

import { el } from "./element.js";
import { label, path, plot, WIDTH } from "./energie_plot.js";

const HEIGHT = 100;
// A label so near to an edge would be cut by it.
const EDGE = 0.06;

/** Round values of an axis between two bounds, about so many. */
function rounds(low, high, parts = 3) {
  const raw = (high - low) / parts || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999);
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + 1e-9 * step; place += 1) found.push(Number((place * step).toPrecision(12)));
  return found;
}

/**
 * @param {object} drawn
 * @param {string} drawn.label its message for who does not see it
 * @param {number} drawn.from @param {number} drawn.until the axis, in milliseconds
 * @param {[number, number | null][]} drawn.points what was measured; null breaks the line
 * @param {{at: number, low: number, high: number}[]} [drawn.fan] what was expected, from low to high
 * @param {[number, number][]} [drawn.middle] the median of what was expected
 * @param {[number, number][]} [drawn.gaps] from when to when nothing came
 * @param {{value: number, words: string}} [drawn.limit]
 * @param {number} [drawn.now] where the present stands, when what follows is drawn, too
 * @param {string} [drawn.nowWords]
 * @param {(value: number) => string} drawn.said a value of the axis in words
 * @param {{at: number, words: string, kind?: string}[]} drawn.ticks
 * @param {string} [drawn.tall] class of its size
 */
export function timePlot({ label: words, from, until, points, fan = [], middle = [], gaps = [], limit = null, now = null, nowWords = "", said, ticks, tall = "" }) {
  const values = [...points.map(([, value]) => value).filter((value) => value !== null), ...fan.flatMap(({ low, high }) => [low, high]), ...(limit ? [limit.value] : [])];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.12;
  const [low, high] = [least - room, most + room];
  const share = (at) => (at - from) / (until - from);
  const x = (at) => (share(at) * WIDTH).toFixed(1);
  const level = (value) => (value - low) / (high - low);
  const y = (value) => ((1 - level(value)) * HEIGHT).toFixed(1);
  const axis = rounds(low, high).filter((value) => value > low && value < high);
  const parts = [
    ...axis.map((value) => path("g-grid", `M0 ${y(value)}H${WIDTH}`)),
    path("g-axis", `M0 ${HEIGHT}H${WIDTH}`),
    fan.length ? path("g-fan", `M${fan.map(({ at, high: top }) => `${x(at)} ${y(top)}`).join("L")}L${[...fan].reverse().map(({ at, low: floor }) => `${x(at)} ${y(floor)}`).join("L")}Z`) : null,
    middle.length ? path("g-fc", `M${middle.map(([at, value]) => `${x(at)} ${y(value)}`).join("L")}`) : null,
    path("g-obs", curve(points, x, y)),
    limit ? path("g-limit", `M0 ${y(limit.value)}H${WIDTH}`) : null,
  ].filter(Boolean);
  const labels = [
    ...gaps.map(([start, end]) => band(Math.max(0, share(start)), Math.min(1, share(end)))),
    ...axis.map((value) => label("ty", said(value), { bottom: level(value) })),
    ...ticks.filter(({ at }) => share(at) >= 0 && share(at) <= 1).map(({ at, words: name, kind = "" }) => label(`tx ${kind} ${share(at) < EDGE ? "a" : share(at) > 1 - EDGE ? "z" : ""}`.trim(), name, { left: share(at) })),
    limit ? label("lb alarm", limit.words, { left: 0.005, bottom: Math.min(0.93, level(limit.value) + 0.07) }) : null,
    now === null ? null : present(share(now), nowWords),
  ].filter(Boolean);
  return plot(words, HEIGHT, parts, labels, tall);
}

function curve(points, x, y) {
  let d = "";
  let on = false;
  for (const [at, value] of points) {
    if (value !== null) d += `${on ? "L" : "M"}${x(at)} ${y(value)}`;
    on = value !== null;
  }
  return d;
}

function band(left, right) {
  const node = el("i", { class: "band gap" });
  node.style.left = `${(left * 100).toFixed(2)}%`;
  node.style.width = `${((right - left) * 100).toFixed(2)}%`;
  return node;
}

function present(left, words) {
  const node = el("i", { class: left > 0.8 ? "now left" : "now", "data-l": words });
  node.style.left = `${(left * 100).toFixed(2)}%`;
  return node;
}
