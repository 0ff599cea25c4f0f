/** A map as a drawing: contours and problems, without WebGL; what is seen first, what is printed. */

import { svg } from "./element.js";
import { ringsOf } from "./map_camera.js";
import { NORMAL, STATES } from "./map_points.js";
import { SIZES_PX } from "./map_look.js";

// Beyond, discs of a few pixels would be one grey, and cost a second to draw.
const DISCS_MAX = 5_000;

export class Drawing {
  constructor(host) {
    this.node = svg("svg", { class: "drawing", "aria-hidden": "true" });
    host.append(this.node);
  }

  /** @param {import("./map_camera.js").Camera} camera @param {object} scene what `<vigie-map>` shows */
  draw(camera, { communes, points, marks }) {
    this.node.setAttribute("viewBox", `0 0 ${camera.width} ${camera.height}`);
    const here = communes.filter(({ role }) => role === "here");
    this.node.replaceChildren(
      ...communes.filter(({ role }) => role !== "here").map((commune) => contour(commune, camera)),
      ...here.map((commune) => contour(commune, camera)),
      discs(points.all, camera),
      ...points.problems.map(({ rank, lon, lat }) => mark(STATES[rank], camera.at([lon, lat]))),
      ...marks.flatMap((one) => [mark(one.state, camera.at(one.at)), count(one, camera.at(one.at))]),
    );
  }
}

function contour({ geometry, role, tint }, camera) {
  const d = ringsOf(geometry).map((ring) => `M${ring.map((place) => camera.at(place).map((pixel) => pixel.toFixed(1)).join(" ")).join("L")}Z`);
  return svg("path", { class: `m-${role}${tint ? ` m-tint-${tint}` : ""}`, d: d.join("") });
}

function discs(points, camera) {
  const shown = points.length > DISCS_MAX ? [] : points.filter(({ rank }) => rank === NORMAL);
  return svg("path", { class: "m-discs", d: shown.map(({ lon, lat }) => `M${camera.at([lon, lat]).map((pixel) => pixel.toFixed(1)).join(" ")}h0`).join("") });
}

function mark(state, [x, y]) {
  const size = SIZES_PX[state];
  return svg("svg", { class: `st st-${state} m-mark`, x: x - size / 2, y: y - size / 2, width: size, height: size, viewBox: "0 0 12 12" }, svg("use", { href: `#s-${state}` }));
}

const count = ({ count: n, state }, [x, y]) => svg("text", { class: "m-count m-halo", x: x + SIZES_PX[state] / 2 + 3, y: y + 4 }, String(n));
