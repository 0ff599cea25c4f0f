/** Where the names of communes stand: in the middle of what is seen of each, the largest first, none on another. */

import { outlines } from "./map_camera.js";

const [LINE_PX, PAD_PX] = [16, 6];
// A name may stand out of a narrow commune a little, as on paper.
const OVERHANG = 1.25;
const [GRID, OUTSIDE_CELLS_MIN] = [12, 6];

/**
 * @param {{insee: string, name: string, geometry: object}[]} communes
 * @param {import("./map_camera.js").Camera} camera
 * @param {{widthOf: (text: string) => number, taken: {x: number, y: number, width: number, height: number}[], without: [number, number][][]}} asked
 *   `widthOf`: pixels of a text; `taken`: rectangles that are in use; `without`: rings of pixels that no name may touch
 * @returns {{insee: string, name: string, x: number, y: number}[]} middles, in pixels
 */
export function placeNames(communes, camera, { widthOf, taken, without }) {
  const seen = communes.map((commune) => ({ ...commune, ...largest(commune.geometry, camera) })).filter(({ area }) => area > 0);
  seen.sort((a, b) => b.area - a.area);
  const [found, used] = [[], [...taken]];
  for (const { insee, name, ring, area, bounds } of seen) {
    const width = widthOf(name);
    if (width > (bounds[2] - bounds[0]) * OVERHANG || area < width * LINE_PX) continue;
    const place = spots(ring, bounds).find(([x, y]) => isFree(boxAround(x, y, width), camera, used) && !without.some((border) => touches(border, boxAround(x, y, width))));
    if (!place) continue;
    used.push(boxAround(...place, width));
    found.push({ insee, name, x: place[0], y: place[1] });
  }
  return found;
}

/**
 * Where the view shows no commune at all, and most of it: the place to say that it is outside.
 * @returns {{x: number, y: number} | null}
 */
export function placeOutside(communes, camera, { width, taken }) {
  const rings = communes.flatMap(({ geometry }) => outlines(geometry)).map((ring) => ring.map((place) => camera.at(place)));
  const cells = [];
  for (let row = 1; row < GRID; row += 1) {
    for (let column = 1; column < GRID; column += 1) {
      const [x, y] = [(camera.width * column) / GRID, (camera.height * row) / GRID];
      cells.push({ x, y, column, row, free: !rings.some((ring) => inside(ring, [x, y])) });
    }
  }
  const around = ({ column, row }) => cells.filter((one) => one.free && Math.abs(one.column - column) <= 2 && Math.abs(one.row - row) <= 1).length;
  const free = cells.filter((cell) => cell.free && isFree(boxAround(cell.x, cell.y, width), camera, taken) && !rings.some((ring) => touches(ring, boxAround(cell.x, cell.y, width))));
  const [best] = free.map((cell) => ({ cell, score: around(cell) })).sort((a, b) => b.score - a.score);
  return best && best.score >= OUTSIDE_CELLS_MIN ? best.cell : null;
}

const boxAround = (x, y, width) => ({ x: x - width / 2 - PAD_PX, y: y - LINE_PX / 2 - PAD_PX / 2, width: width + 2 * PAD_PX, height: LINE_PX + PAD_PX });

const isFree = (box, camera, used) =>
  box.x >= 0 && box.y >= 0 && box.x + box.width <= camera.width && box.y + box.height <= camera.height && !used.some((other) => meet(box, other));

const touches = (ring, { x, y, width, height }) => [0, 0.25, 0.5, 0.75, 1].some((part) => [y, y + height].some((row) => inside(ring, [x + part * width, row])));

const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** The largest part of a geometry that the view shows, in pixels. */
function largest(geometry, camera) {
  const parts = outlines(geometry).map((outer) => clipped(outer.map((place) => camera.at(place)), camera));
  const areas = parts.map((ring) => Math.abs(signedArea(ring)));
  const best = areas.indexOf(Math.max(...areas));
  if (!(areas[best] > 0)) return { area: 0 };
  const ring = parts[best];
  return { ring, area: areas[best], bounds: [extreme(ring, 0, Math.min), extreme(ring, 1, Math.min), extreme(ring, 0, Math.max), extreme(ring, 1, Math.max)] };
}

const extreme = (ring, axis, which) => which(...ring.map((place) => place[axis]));

/** Places inside a ring: its centroid, then the middles of its widest rows. */
function spots(ring, [, top, , bottom]) {
  const rows = [];
  for (let part = 1; part < 8; part += 1) {
    const y = top + ((bottom - top) * part) / 8;
    const row = widest(ring, y);
    if (row) rows.push({ y, ...row });
  }
  rows.sort((a, b) => b.width - a.width);
  const middle = centroid(ring);
  return [...(inside(ring, middle) ? [middle] : []), ...rows.map(({ x, y }) => [x, y])];
}

/** The widest stretch of a row that lies inside. */
function widest(ring, y) {
  const xs = crossings(ring, y);
  let best = null;
  for (let place = 0; place + 1 < xs.length; place += 2) {
    const width = xs[place + 1] - xs[place];
    if (!best || width > best.width) best = { x: (xs[place] + xs[place + 1]) / 2, width };
  }
  return best;
}

function crossings(ring, y) {
  const xs = [];
  ring.forEach(([ax, ay], place) => {
    const [bx, by] = ring[(place + 1) % ring.length];
    if (ay > y !== by > y) xs.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
  });
  return xs.sort((a, b) => a - b);
}

/** Whether a pixel lies inside a ring of pixels. */
export const inside = (ring, [x, y]) => crossings(ring, y).filter((edge) => edge > x).length % 2 === 1;

function signedArea(ring) {
  let sum = 0;
  ring.forEach(([ax, ay], place) => {
    const [bx, by] = ring[(place + 1) % ring.length];
    sum += ax * by - bx * ay;
  });
  return sum / 2;
}

function centroid(ring) {
  let [x, y] = [0, 0];
  const area = signedArea(ring);
  ring.forEach(([ax, ay], place) => {
    const [bx, by] = ring[(place + 1) % ring.length];
    const cross = ax * by - bx * ay;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  });
  return [x / (6 * area), y / (6 * area)];
}

/** What of a ring lies in the view (Sutherland and Hodgman, 1974). */
function clipped(ring, { width, height }) {
  const edges = [
    [0, 0, 1],
    [0, width, -1],
    [1, 0, 1],
    [1, height, -1],
  ];
  return edges.reduce((part, [axis, limit, sign]) => cut(part, (place) => sign * (place[axis] - limit)), ring);
}

function cut(ring, depth) {
  const kept = [];
  ring.forEach((here, place) => {
    const before = ring[(place + ring.length - 1) % ring.length];
    const [dBefore, dHere] = [depth(before), depth(here)];
    if (dBefore >= 0 !== dHere >= 0) {
      const share = dBefore / (dBefore - dHere);
      kept.push([before[0] + share * (here[0] - before[0]), before[1] + share * (here[1] - before[1])]);
    }
    if (dHere >= 0) kept.push(here);
  });
  return kept;
}
