/** What lies over a map as text and lines: names of communes, the ring of the chosen, leaders to labels, the scale. */

import { el, patch, svg } from "./element.js";
import { number } from "./formats.js";
import { outlines } from "./map_camera.js";
import { leaders } from "./map_leaders.js";
import { placeNames, placeOutside } from "./map_names.js";
import { SIZES_PX } from "./map_look.js";
import { STATES } from "./map_points.js";
import { t } from "./words.js";

const STEPS_M = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];
const SCALE_PX_MAX = 110;
const RING_PX = 15;
const BESIDE_EDGE_PX = 14;
const EDGE_PX = 12;
/** Narrower maps leave titles out. */
export const NARROW_PX = 480;

export class Over {
  #names = [];
  #widths = new Map();

  constructor(host) {
    this.lines = svg("svg", { class: "over", "aria-hidden": "true" });
    this.names = el("div", { class: "names", "aria-hidden": "true" });
    this.calls = el("div", { class: "calls", "aria-hidden": "true" });
    this.bar = svg("path", { class: "m-scale" });
    this.length = el("span", { class: "length" });
    this.scale = el("div", { class: "scale", "aria-hidden": "true" }, this.length, svg("svg", {}, this.bar));
    this.ruler = document.createElement("canvas").getContext("2d");
    host.append(this.lines, this.names, this.calls, this.scale);
  }

  /** Everything again, for what is seen now. */
  draw(camera, scene, taken) {
    const called = this.#leaders(camera, scene);
    this.#scale(camera);
    this.#place(camera, scene, [...taken, ...called]);
  }

  /** While the map moves: what is there goes along. */
  move(camera, scene) {
    this.#leaders(camera, scene);
    this.#scale(camera);
    for (const { node, place } of this.#names) put(node, camera.at(place));
  }

  #leaders(camera, { points, chosen, calls, communes }) {
    const here = communes.filter(({ role }) => role === "here");
    this.calls.classList.toggle("narrow-calls", camera.width < NARROW_PX);
    const shown = calls.map((call) => ({ call, point: points.get(call.id) })).filter(({ point }) => point);
    // Where there is no room for titles, a line without a number would lead to nothing.
    const told = camera.width < NARROW_PX ? shown.filter(({ call }) => isNumbered(call)) : shown;
    const seen = told.map(({ call, point }) => ({ call, point, at: camera.at([point.lon, point.lat]) })).filter(({ at: [x, y] }) => x > 0 && y > 0 && x < camera.width && y < camera.height);
    const labels = seen.map(({ call }) => callOf(call));
    this.calls.replaceChildren(...labels);
    const asked = seen.map(({ at: [x, y] }, place) => {
      const { offsetWidth: width, offsetHeight: height } = labels[place];
      return { x, y, width, height, reach: rightEdge(here, camera, y) + BESIDE_EDGE_PX };
    });
    const found = leaders(asked, { width: camera.width, top: EDGE_PX, bottom: camera.height - 4 * EDGE_PX });
    const drawn = found.flatMap((place, order) => (place ? [{ ...place, ...seen[order], label: labels[order], ...asked[order], left: place.x, middle: place.y }] : []));
    labels.forEach((label, order) => (label.hidden = !found[order]));
    for (const { label, left, middle, height } of drawn) put(label, [left, middle - height / 2]);
    const ring = points.get(chosen);
    this.lines.setAttribute("viewBox", `0 0 ${camera.width} ${camera.height}`);
    this.lines.replaceChildren(...drawn.map(({ line, point }) => lead(line, point)), ...(ring ? [circle(camera.at([ring.lon, ring.lat]))] : []));
    return drawn.map(({ left, middle, width, height }) => ({ x: left, y: middle - height / 2, width, height }));
  }

  #scale(camera) {
    const metres = STEPS_M.findLast((step) => step / camera.metresPerPx <= SCALE_PX_MAX) ?? STEPS_M[0];
    const width = Math.round(metres / camera.metresPerPx);
    patch(this.length, metres < 1000 ? t("map.metres", { n: number(metres) }) : t("map.kilometres", { n: number(metres / 1000) }));
    const drawing = this.bar.parentNode;
    drawing.setAttribute("viewBox", `0 0 ${width + 1} 5`);
    drawing.style.width = `${width + 1}px`;
    this.bar.setAttribute("d", `M.5 0v4.5h${width}v-4.5`);
  }

  #place(camera, { communes, marks }, occupied) {
    const named = communes.filter(({ role }) => role !== "here");
    const taken = [...occupied, ...marks.map(({ at, count }) => boxOf(camera.at(at), count))];
    const borders = communes.filter(({ role }) => role === "here").flatMap(({ geometry }) => outlines(geometry));
    const placed = placeNames(named, camera, { widthOf: (text) => this.#width(text), taken, without: borders.map((ring) => ring.map((place) => camera.at(place))) });
    this.#names = placed.map(({ name, x, y }) => ({ node: el("span", { class: "m-label" }, name), place: camera.back([x, y]) }));
    const outside = borders.length ? placeOutside(communes, camera, { width: this.#width(t("map.outside")), taken: [...taken, ...placed.map(({ name, x, y }) => ({ x: x - this.#width(name) / 2, y: y - 10, width: this.#width(name), height: 20 }))] }) : null;
    if (outside) this.#names.push({ node: el("span", { class: "m-label out" }, t("map.outside")), place: camera.back([outside.x, outside.y]) });
    this.names.replaceChildren(...this.#names.map(({ node }) => node));
    for (const { node, place } of this.#names) put(node, camera.at(place));
  }

  #width(text) {
    if (!this.#widths.has(text)) {
      this.ruler.font = getComputedStyle(this.names).font;
      this.#widths.set(text, this.ruler.measureText(text).width);
    }
    return this.#widths.get(text);
  }
}

/** What a mark with its count takes of the map. */
const boxOf = ([x, y], count) => ({ x: x - 8, y: y - 8, width: 20 + 8 * String(count).length, height: 16 });

const put = (node, [x, y]) => {
  node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
};

const isNumbered = ({ number: n }) => n !== null && n !== undefined;

function callOf(call) {
  const title = isNumbered(call) ? [String(call.number), el("span", { class: "long" }, ` · ${call.title}`)] : [call.title];
  return el("p", { class: "call" }, el("b", {}, ...title), call.sub && el("span", { class: "long sub" }, call.sub));
}

const circle = ([x, y]) => svg("circle", { class: "m-ring", cx: x, cy: y, r: RING_PX });

// The line begins at the edge of the glyph, not under it.
function lead(line, { rank }) {
  const [[x, y], [nextX, nextY]] = line;
  const free = SIZES_PX[STATES[rank]] / 2 + 3;
  const length = Math.hypot(nextX - x, nextY - y) || 1;
  const from = [x + ((nextX - x) / length) * free, y + ((nextY - y) / length) * free];
  return svg("path", { class: "m-lead", d: `M${[from, ...line.slice(1)].map((place) => place.map((pixel) => pixel.toFixed(1)).join(" ")).join("L")}` });
}

/** Where the chosen commune ends at a height, in pixels from the left. */
function rightEdge(communes, camera, y) {
  let edge = 0;
  for (const ring of communes.flatMap(({ geometry }) => outlines(geometry))) {
    for (let place = 1; place < ring.length; place += 1) {
      const [[ax, ay], [bx, by]] = [camera.at(ring[place - 1]), camera.at(ring[place])];
      if (ay > y !== by > y) edge = Math.max(edge, ax + ((y - ay) / (by - ay)) * (bx - ax));
    }
  }
  return edge;
}
