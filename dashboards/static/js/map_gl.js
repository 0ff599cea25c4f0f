/** A map by WebGL: MapLibre, fetched only where a map is shown; contours, discs, problems and clusters in its layers. */

import { coloursOf, imageOf, paints, SIZES_PX, styleOf } from "./map_look.js";
import { ZOOMS } from "./map_camera.js";
import { STATES } from "./map_points.js";
import { t } from "./words.js";

const LIBRARY = new URL("../vendor/maplibre.js", import.meta.url).href;
const WORKER = new URL("../vendor/maplibre_worker.js", import.meta.url).href;
// Never loaded within this time: the drawing stays.
const LOAD_MS_MAX = 20_000;

/** Whether a graphics processor draws: by software, WebGL holds the page up for longer than the drawing that it replaces. */
export function hasWebGl() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true }));
  } catch {
    return false;
  }
}

export class GlSurface {
  /**
   * @param {HTMLElement} host
   * @param {import("./map_camera.js").Camera} camera follows what MapLibre looks at
   * @param {{clusterMaxZoom: number, tiles: {url: string, source: string} | null, moved: () => void, settled: () => void}} asked
   */
  static async open(host, camera, asked) {
    const maplibre = await import(LIBRARY);
    maplibre.setWorkerUrl(WORKER);
    maplibre.setWorkerCount(1);
    return new GlSurface(maplibre, host, camera, asked).#loaded();
  }

  constructor(maplibre, host, camera, asked) {
    this.host = host;
    this.camera = camera;
    this.asked = asked;
    this.colours = coloursOf(host);
    this.map = new maplibre.Map({
      container: host, style: styleOf(this.colours, asked.tiles, asked), center: camera.centre, zoom: camera.zoom,
      minZoom: ZOOMS.min, maxZoom: ZOOMS.max, dragRotate: false, pitchWithRotate: false, touchPitch: false, rollEnabled: false, keyboard: false,
      attributionControl: false, renderWorldCopies: false, fadeDuration: 0, cooperativeGestures: true, trackResize: false, locale: gestures(),
    });
    this.map.touchZoomRotate.disableRotation();
    const canvas = this.map.getCanvas();
    canvas.tabIndex = -1;
    canvas.removeAttribute("role");
    canvas.setAttribute("aria-hidden", "true");
    this.#images();
    this.map.on("move", () => {
      const { lng, lat } = this.map.getCenter();
      this.camera.look([lng, lat], this.map.getZoom());
      asked.moved();
    });
    this.map.on("moveend", asked.settled);
  }

  #loaded() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#fail(reject, new Error("the map did not load")), LOAD_MS_MAX);
      this.map.once("load", () => {
        clearTimeout(late);
        resolve(this);
      });
      // A lost tile is no loss of the map.
      this.map.on("error", ({ error }) => !this.map.loaded() && !error?.url && this.#fail(reject, error));
    });
  }

  #fail(reject, error) {
    this.close();
    reject(error);
  }

  /** Contours, discs, problems and marks. */
  draw({ communes, points, marks }) {
    this.#put("communes", communes.map(({ insee, role, tint, geometry }) => ({ type: "Feature", properties: { insee, role, tint: tint ?? "" }, geometry })));
    this.#put("points", points.all.map(({ lon, lat }) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [lon, lat] } })));
    this.#put("marks", marks.map(({ state, at, count }) => placed(STATES.indexOf(state), at, { count: String(count) })));
    this.problems({ points });
  }

  /** Only what is not normal: what changes while one looks. */
  problems({ points }) {
    this.#put("problems", points.problems.map(({ rank, lon, lat }) => placed(rank, [lon, lat])));
  }

  /** Problems are put together up to this zoom. */
  cluster(maxZoom) {
    this.map.getSource("problems").setClusterOptions({ cluster: true, clusterMaxZoom: maxZoom, clusterRadius: 24 });
  }

  /** Take the colours of the theme anew. */
  theme() {
    this.colours = coloursOf(this.host);
    this.#images();
    for (const [layer, property, value] of paints(this.colours, Boolean(this.asked.tiles))) this.map.setPaintProperty(layer, property, value);
  }

  /** Look where the camera looks. */
  follow({ smooth = false } = {}) {
    const to = { center: this.camera.centre, zoom: this.camera.zoom };
    if (smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.map.easeTo({ ...to, duration: 150 });
    else this.map.jumpTo(to);
  }

  resize() {
    this.map.resize();
  }

  /** Whether a cluster lies at a pixel; it is opened. */
  async openCluster([x, y]) {
    const reach = 12;
    const [found] = this.map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: ["clusters"] });
    if (!found) return false;
    const zoom = await this.map.getSource("problems").getClusterExpansionZoom(found.properties.cluster_id);
    this.camera.look(found.geometry.coordinates, zoom + 0.2);
    this.follow({ smooth: true });
    return true;
  }

  /** Once everything that was handed over is on the screen. */
  settled() {
    return new Promise((resolve) => this.map.once("idle", resolve));
  }

  close() {
    this.map.remove();
  }

  #images() {
    for (const state of Object.keys(SIZES_PX)) {
      const { image, options } = imageOf(state, this.colours);
      if (this.map.hasImage(state)) this.map.updateImage(state, image);
      else this.map.addImage(state, image, options);
    }
  }

  #put(name, features) {
    this.map.getSource(name)?.setData({ type: "FeatureCollection", features });
  }
}

const placed = (rank, coordinates, more = {}) => ({ type: "Feature", properties: { rank, state: STATES[rank], ...more }, geometry: { type: "Point", coordinates } });

const gestures = () => ({
  "CooperativeGesturesHandler.WindowsHelpText": t("map.zoom_ctrl"),
  "CooperativeGesturesHandler.MacHelpText": t("map.zoom_mac"),
  "CooperativeGesturesHandler.MobileHelpText": t("map.zoom_fingers"),
});
