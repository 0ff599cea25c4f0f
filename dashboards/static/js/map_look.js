/** The look of a map that WebGL draws: colours of the tokens as they are now, glyphs of the sheet as images. */

import { STATES } from "./map_points.js";

/** Sizes of the glyphs, as the mock-up draws them. */
export const SIZES_PX = { alarm: 15, watch: 11, silent: 9.5, suspect: 9, muted: 10, normal: 7 };
const HALO_PX = 2;
const SHARP = 2;

const ROLES = ["map-out", "map-near", "map-here", "map-edge", "map-border", "line-firm", "ink"];
const TINTS = { alarm: "st-alarm-bg", watch: "st-watch-bg", suspect: "st-suspect-bg", silent: "hover" };

/** Colours of roles as this element sees them: `light-dark()` is resolved only where a property takes it. */
export function coloursOf(host) {
  const probe = document.createElement("i");
  probe.hidden = true;
  host.append(probe);
  const found = {};
  const states = Object.keys(SIZES_PX).flatMap((state) => [`st-${state}`, ...(["watch", "alarm"].includes(state) ? [`st-${state}-fill`] : [])]);
  for (const role of new Set([...ROLES, ...Object.values(TINTS), ...states])) {
    probe.style.color = `var(--${role})`;
    found[role] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

const fill = (colours) => [
  "case",
  ["==", ["get", "role"], "here"],
  colours["map-here"],
  ["match", ["get", "tint"], ...Object.entries(TINTS).flatMap(([state, role]) => [state, colours[role]]), "normal", colours["map-here"], colours["map-near"]],
];

/** Every colour of the style: layer, property, value. Asked again when the theme changes. */
export function paints(colours, onTiles) {
  return [
    ["out", "background-color", colours["map-out"]],
    ["areas", "fill-color", fill(colours)],
    ["areas", "fill-opacity", onTiles ? ["case", ["==", ["get", "role"], "here"], 0.15, 0.6] : 1],
    ["edges", "line-color", ["case", ["==", ["get", "tint"], ""], colours["map-edge"], colours["line-firm"]]],
    ["border", "line-color", colours["map-border"]],
    ["discs", "circle-color", colours["st-normal"]],
    ...["clusters", "marks"].flatMap((layer) => [[layer, "text-color", colours.ink], [layer, "text-halo-color", colours["map-here"]]]),
  ];
}

const EMPTY = { type: "FeatureCollection", features: [] };
const FONT = ["Inter", "Segoe UI", "Arial", "sans-serif"];
const TEXT = { "text-font": FONT, "text-size": 12, "text-anchor": "left", "text-offset": [0.75, 0], "text-allow-overlap": true, "text-ignore-placement": true };
// The worst is drawn last, above the others.
const ICON = { "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["-", ["get", "rank"]] };

/**
 * MapLibre's style: no glyph server, no sprite, no address but that of the tiles where there is one.
 * @param {Record<string, string>} colours
 * @param {{url: string, source: string} | null} tiles
 * @param {{clusterMaxZoom: number}} clustering
 */
export function styleOf(colours, tiles, { clusterMaxZoom }) {
  const layers = [
    { id: "out", type: "background" },
    ...(tiles ? [{ id: "tiles", type: "raster", source: "tiles" }] : []),
    { id: "areas", type: "fill", source: "communes", paint: { "fill-antialias": true } },
    { id: "edges", type: "line", source: "communes", paint: { "line-width": 1 } },
    { id: "border", type: "line", source: "communes", filter: ["==", ["get", "role"], "here"], layout: { "line-join": "round" }, paint: { "line-width": 1.25 } },
    {
      id: "discs", type: "circle", source: "points",
      paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 0.9, 12, 1.8, 15, 3], "circle-opacity": ["interpolate", ["linear"], ["zoom"], 9, 0.45, 12, 0.8] },
    },
    { id: "problems", type: "symbol", source: "problems", filter: ["!", ["has", "point_count"]], layout: { ...ICON, "icon-image": ["get", "state"] } },
    {
      id: "clusters", type: "symbol", source: "problems", filter: ["has", "point_count"], paint: { "text-halo-width": 2 },
      layout: { ...ICON, ...TEXT, "icon-image": ["image", ["at", ["get", "rank"], ["literal", STATES]]], "text-field": ["to-string", ["get", "point_count"]] },
    },
    {
      id: "marks", type: "symbol", source: "marks", paint: { "text-halo-width": 2 },
      layout: { ...ICON, ...TEXT, "icon-image": ["get", "state"], "text-field": ["get", "count"], "text-allow-overlap": false, "text-optional": true },
    },
  ];
  for (const [id, property, value] of paints(colours, Boolean(tiles))) {
    const layer = layers.find((one) => one.id === id);
    layer.paint = { ...layer.paint, [property]: value };
  }
  return {
    version: 8,
    transition: { duration: 0, delay: 0 },
    sources: {
      ...(tiles && { tiles: { type: "raster", tiles: [tiles.url], tileSize: 256, maxzoom: 19, attribution: tiles.source } }),
      communes: { type: "geojson", data: EMPTY, tolerance: 0.2 },
      points: { type: "geojson", data: EMPTY },
      marks: { type: "geojson", data: EMPTY },
      problems: { type: "geojson", data: EMPTY, cluster: true, clusterRadius: 24, clusterMaxZoom, clusterProperties: { rank: ["min", ["get", "rank"]] } },
    },
    layers,
  };
}

/** The glyph of a state as an image for WebGL, on a halo that hides what lies below. */
export function imageOf(state, colours) {
  const size = SIZES_PX[state];
  const side = Math.ceil((size + 2 * HALO_PX) * SHARP);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const paper = canvas.getContext("2d");
  paper.scale((SHARP * size) / 12, (SHARP * size) / 12);
  const pad = (HALO_PX * 12) / size;
  paper.translate(pad, pad);
  paper.lineJoin = paper.lineCap = "round";
  const colour = colours[`st-${state}-fill`] ?? colours[`st-${state}`];
  for (const shape of document.querySelectorAll(`#s-${state} > *`)) trace(paper, shape, { colour, halo: colours["map-here"], wide: 2 * pad });
  return { image: paper.getImageData(0, 0, side, side), options: { pixelRatio: SHARP } };
}

function trace(paper, shape, { colour, halo, wide }) {
  const path = shape.tagName === "circle" ? disc(shape) : new Path2D(shape.getAttribute("d"));
  const drawn = Number(shape.getAttribute("stroke-width") ?? 0);
  const isLine = shape.getAttribute("fill") === "none";
  Object.assign(paper, { strokeStyle: halo, fillStyle: halo, lineWidth: drawn + wide });
  paper.stroke(path);
  paper.fill(path);
  Object.assign(paper, { strokeStyle: colour, fillStyle: colour, lineWidth: drawn });
  if (isLine) paper.stroke(path);
  else paper.fill(path);
}

function disc(shape) {
  const path = new Path2D();
  const [x, y, r] = ["cx", "cy", "r"].map((name) => Number(shape.getAttribute(name)));
  path.arc(x, y, r, 0, 2 * Math.PI);
  return path;
}
