/** A trend in a row: ink line, gaps kept, expected band behind, the end dot in the state's colour. */

import { el, svg } from "./element.js";

const [WIDTH, HEIGHT, PAD] = [100, 24, 2];

/**
 * @param {[number, number][]} points instant and value, in order
 * @param {{gap: number, state?: string, band?: {low: number, high: number} | null, limit?: number | null, floor?: number}} look
 *   `gap`: milliseconds without a point after which the line breaks
 */
export function spark(points, { gap, state = "normal", band = null, limit = null, floor } = { gap: Infinity }) {
  const drawing = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  if (!points.length) return drawing;
  const values = points.map(([, value]) => value);
  if (band) values.push(band.low, band.high);
  if (limit !== null) values.push(limit);
  if (floor !== undefined) values.push(floor);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [start, end] = [points[0][0], points.at(-1)[0]];
  const x = (at) => (end > start ? ((at - start) / (end - start)) * WIDTH : WIDTH);
  const y = (value) => HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);
  if (band) drawing.append(svg("path", { class: "exp", d: `M0 ${y(band.high)}H${WIDTH}V${y(band.low)}H0Z` }));
  if (limit !== null) drawing.append(svg("path", { class: "lim", d: `M0 ${y(limit)}H${WIDTH}` }));
  let path = "";
  let before = -Infinity;
  for (const [at, value] of points) {
    path += `${!path || at - before > gap ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    before = at;
  }
  const [lastAt, lastValue] = points.at(-1);
  drawing.append(
    svg("path", { class: "ln", d: path }),
    svg("path", { class: `end ${state}`, d: `M${x(lastAt).toFixed(1)} ${y(lastValue).toFixed(1)}h0` }),
  );
  return drawing;
}

/** A share on a line; its size goes through the style object, as the page's policy asks. */
export function share(ratio) {
  const bar = el("i");
  bar.style.width = `${Math.round(ratio * 100)}%`;
  return el("span", { class: "ratio", "aria-hidden": "true" }, bar);
}
