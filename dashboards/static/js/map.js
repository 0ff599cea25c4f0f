/**
 * `<vigie-map>`: the communes by their contours, the sensors as quiet dots, the problems by their shapes.
 *
 * It is drawn at once as SVG, and by WebGL as soon as that has loaded; without WebGL the drawing stays. What a screen
 * reader gets is the message; the points are reached by the list beside it.
 *
 * Events: `vigie:map-chosen` `{id}` and `vigie:map-commune` `{insee}`, both bubbling.
 */

import { el, glyph, patch } from "./element.js";
import { boundsOf, Camera, ringsOf, widened } from "./map_camera.js";
import { GlSurface, hasWebGl } from "./map_gl.js";
import { inside } from "./map_names.js";
import { NARROW_PX, Over } from "./map_over.js";
import { Points, STATES } from "./map_points.js";
import { Drawing } from "./map_svg.js";
import { message } from "./map_words.js";
import { t } from "./words.js";

// Hundreds of changes a second become four pictures.
const MERGED_MS = 250;
const IDLE_MS_MAX = 1500;
const REACH_PX = 12;
const STEP_PX = 80;
const ZOOM_STEP = 0.7;
const SPREAD_PX = 5;
const PAD_PX = { top: 40, right: 132, bottom: 56, left: 40 };
const PAD_NARROW_PX = { top: 20, right: 28, bottom: 20, left: 20 };

/** Safari knows no idle time. */
const whenIdle = (act) => (window.requestIdleCallback ? requestIdleCallback(act, { timeout: IDLE_MS_MAX }) : setTimeout(act, IDLE_MS_MAX / 5));

class VigieMap extends HTMLElement {
  #camera = new Camera();
  #scene = { communes: [], points: new Points(), marks: [], chosen: null, calls: [] };
  #here = null;
  #waiting = 0;
  #surface = null;
  #opened = false;
  #fitted = 10;
  #places = [];
  #whole = { zoom: 12, x: 0, y: 0 };

  connectedCallback() {
    if (this.view) return;
    this.#build();
    this.#listen();
  }

  /**
   * Show communes and sensors.
   * @param {{communes: object, points?: object[], chosen?: string | null, marks?: object[]}} asked
   *   `communes`: GeoJSON FeatureCollection with `insee`, `name`, `schematic`, `source`; `points`: `{id, lon, lat, state,
   *   label}`; `chosen`: the INSEE code of the commune in the middle, null for all; `marks`: `{insee, state, count, at}`,
   *   the communes by their worst state, where all are shown
   */
  show({ communes, points = [], chosen = null, marks = [] }) {
    const moved = this.#here !== chosen || !this.#scene.communes.length;
    const states = new Map(marks.map(({ insee, state }) => [insee, state]));
    this.#here = chosen;
    this.#scene.communes = communes.features.map(({ properties, geometry }) => ({ ...properties, geometry, role: properties.insee === chosen ? "here" : "near", tint: states.get(properties.insee) }));
    this.#scene.marks = marks.filter(({ state }) => state && state !== "normal");
    this.#size();
    this.#places = chosen ? points.map(({ lon, lat }) => [lon, lat]) : [];
    if (moved) this.#fit();
    this.#scene.points = new Points(points, SPREAD_PX * this.#fitted);
    this.#caption();
    this.#draw();
    if (moved) this.#surface?.follow();
    this.#surface?.cluster(this.#clusterMaxZoom);
    // The drawing is there: what the page still loads and draws goes first.
    whenIdle(() => this.#open());
  }

  /** Take states: cheap, hundreds a second. @param {{id: number | string, state: string}[]} changes */
  update(changes) {
    let changed = false;
    for (const { id, state } of changes) changed = this.#scene.points.take(id, state) || changed;
    if (changed) this.#waiting ||= setTimeout(() => this.#flush(), MERGED_MS);
  }

  /** Put the ring around a sensor, or around none. */
  choose(id) {
    this.#scene.chosen = id;
    this.over.move(this.#camera, this.#scene);
  }

  /** Lines to labels beside the commune. @param {{id: number | string, number: number | null, title: string, sub: string}[]} calls */
  leaders(calls) {
    this.#scene.calls = calls;
    this.#over();
  }

  /** Go back to the whole of what is shown. */
  reset() {
    this.#fit();
    this.#look();
  }

  /** Whether WebGL draws it by now: `svg`, `loading` or `webgl`. */
  get drawn() {
    return this.dataset.drawn;
  }

  /** The pixel of the map at which a place in degrees lies. @param {[number, number]} place */
  pixelOf(place) {
    return this.#camera.at(place);
  }

  /** Where sensors are drawn, in degrees: those of one site lie around it. */
  placesOf(ids) {
    return ids.map((id) => this.#scene.points.get(id)).map((point) => (point ? [point.lon, point.lat] : null));
  }

  #build() {
    const button = (label, text, act) => el("button", { type: "button", "aria-label": label, onclick: act }, text);
    this.view = el("div", { class: "view", tabindex: "0", role: "application", "aria-roledescription": t("map.map") });
    this.canvas = el("div", { class: "canvas-gl" });
    this.tip = el("p", { class: "map-tip", "aria-hidden": "true", hidden: true });
    this.source = el("span", { class: "src" });
    this.whole = button(t("map.whole"), "⤢", () => this.reset());
    this.whole.hidden = true;
    const tools = el("div", { class: "tools" }, button(t("map.closer"), "+", () => this.#zoom(ZOOM_STEP)), button(t("map.further"), "−", () => this.#zoom(-ZOOM_STEP)), this.whole);
    this.key = el("div", { class: "key" });
    this.frame = el("div", { class: "map" }, this.view, tools, this.key, this.source);
    this.replaceChildren(this.frame);
    this.drawing = new Drawing(this.view);
    this.view.append(this.canvas);
    this.over = new Over(this.view);
    this.view.append(this.tip);
    this.dataset.drawn = "svg";
  }

  #listen() {
    this.view.addEventListener("keydown", (event) => this.#key(event));
    this.view.addEventListener("click", (event) => this.#click(event));
    this.view.addEventListener("pointermove", (event) => this.#hover(event));
    this.view.addEventListener("pointerleave", () => this.#point(null));
    new ResizeObserver(() => this.#resized()).observe(this.view);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) matchMedia(query).addEventListener("change", () => this.#surface?.theme());
    new MutationObserver(() => this.#surface?.theme()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("print").addEventListener("change", () => this.drawing.draw(this.#camera, this.#scene));
  }

  // A page that moved its map while it loaded gets no second one.
  async #open() {
    if (this.dataset.drawn !== "svg" || !hasWebGl() || this.#opened) return;
    this.#opened = true;
    this.dataset.drawn = "loading";
    const { tiles, tilesSource } = document.documentElement.dataset;
    try {
      const surface = await GlSurface.open(this.canvas, this.#camera, {
        clusterMaxZoom: this.#clusterMaxZoom, tiles: tiles ? { url: tiles, source: tilesSource ?? "" } : null,
        moved: () => this.over.move(this.#camera, this.#scene), settled: () => this.#over(),
      });
      surface.draw(this.#scene);
      surface.follow();
      await surface.settled();
      this.#surface = surface;
      this.dataset.drawn = "webgl";
      this.#draw();
    } catch (error) {
      console.warn(`the map stays a drawing: ${error.message}`);
      this.dataset.drawn = "svg";
    }
  }

  #draw() {
    this.#message();
    if (this.#surface) this.#surface.draw(this.#scene);
    else this.drawing.draw(this.#camera, this.#scene);
    this.#over();
  }

  #flush() {
    this.#waiting = 0;
    this.#message();
    if (this.#surface) this.#surface.problems(this.#scene);
    else this.drawing.draw(this.#camera, this.#scene);
    this.over.move(this.#camera, this.#scene);
  }

  #over() {
    if (this.#camera.width <= 1) return;
    this.whole.hidden = this.#isWhole();
    this.over.draw(this.#camera, this.#scene, this.#taken());
  }

  /** Whether all is shown as it was laid out: then there is nothing to go back to. */
  #isWhole() {
    const { x, y, zoom, scale } = this.#camera;
    return Math.abs(zoom - this.#whole.zoom) < 0.05 && Math.hypot(x - this.#whole.x, y - this.#whole.y) * scale < 2;
  }

  /** What lies on the map at its edges: no name stands under it. */
  #taken() {
    const box = this.view.getBoundingClientRect();
    return [...this.frame.querySelectorAll(".tools, .key, .src, .scale")].map((node) => {
      const { left, top, width, height } = node.getBoundingClientRect();
      return { x: left - box.left, y: top - box.top, width, height };
    });
  }

  #message() {
    const here = this.#scene.communes.find(({ role }) => role === "here");
    this.view.setAttribute("aria-label", message(here?.name ?? null, this.#scene));
  }

  #caption() {
    const { communes, marks, points } = this.#scene;
    const isSchematic = communes.some(({ schematic }) => schematic);
    const sources = [...new Set(communes.map(({ source }) => source).filter(Boolean))];
    const { tiles, tilesSource } = document.documentElement.dataset;
    patch(this.source, [isSchematic ? t("map.schematic") : sources.join(", "), tiles ? tilesSource : ""].filter(Boolean).join(" · "));
    const states = new Set(["alarm", "watch", "silent", "suspect", ...(points.counts().muted ? ["muted"] : []), "normal"]);
    const shown = STATES.filter((state) => states.has(state) && (state !== "normal" || !marks.length));
    this.key.replaceChildren(el("ul", { class: "legend" }, ...shown.map((state) => el("li", {}, glyph(`s-${state}`), t(`map.state.${state}`)))));
  }

  #size() {
    const { clientWidth, clientHeight } = this.view;
    this.#camera.width = Math.max(1, clientWidth);
    this.#camera.height = Math.max(1, clientHeight);
  }

  #fit() {
    const here = this.#scene.communes.filter(({ role }) => role === "here");
    const shown = here.length ? here : this.#scene.communes;
    if (!shown.length) return;
    const pad = this.#camera.width < NARROW_PX || !here.length ? PAD_NARROW_PX : PAD_PX;
    this.#camera.fit(widened(boundsOf(shown.map(({ geometry }) => geometry)), this.#places), pad);
    this.#fitted = this.#camera.metresPerPx;
    this.#whole = { zoom: this.#camera.zoom, x: this.#camera.x, y: this.#camera.y };
  }

  // One commune shows each of its problems; further away, or where all communes are shown, they are put together.
  get #clusterMaxZoom() {
    return Math.floor(this.#here ? this.#whole.zoom - 1 : this.#whole.zoom + 2);
  }

  #resized() {
    const was = this.#camera.width;
    this.#size();
    if (was <= 1) this.#fit();
    this.#surface?.resize();
    if (was <= 1) this.#surface?.follow();
    if (!this.#surface) this.drawing.draw(this.#camera, this.#scene);
    this.#over();
  }

  #look() {
    if (this.#surface) this.#surface.follow({ smooth: true });
    else {
      this.drawing.draw(this.#camera, this.#scene);
      this.#over();
    }
  }

  #zoom(step) {
    this.#camera.look(this.#camera.centre, this.#camera.zoom + step);
    this.#look();
  }

  #key(event) {
    const moves = { ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      this.#camera.pan(...moves[event.key]);
      this.#look();
    } else if (event.key === "+" || event.key === "=") this.#zoom(ZOOM_STEP);
    else if (event.key === "-") this.#zoom(-ZOOM_STEP);
    else if (event.key === "Home" || event.key === "0") this.reset();
    else return;
    event.preventDefault();
  }

  #pixel({ clientX, clientY }) {
    const box = this.view.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  async #click(event) {
    const pixel = this.#pixel(event);
    const point = this.#scene.points.near(this.#camera, pixel, REACH_PX);
    if (point) return this.#tell("chosen", { id: point.id });
    if (await this.#surface?.openCluster(pixel)) return undefined;
    const commune = this.#communeAt(pixel);
    if (commune && commune.role !== "here") this.#tell("commune", { insee: commune.insee });
    return undefined;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`vigie:map-${name}`, { bubbles: true, detail }));
  }

  #hover(event) {
    if (event.buttons || event.pointerType === "touch") return this.#point(null);
    return this.#point(this.#pixel(event));
  }

  /** Say what is under the pointer: a sensor, else a commune. */
  #point(pixel) {
    const point = pixel && this.#scene.points.near(this.#camera, pixel, REACH_PX);
    const commune = pixel && !point ? this.#communeAt(pixel) : null;
    const text = point?.label ?? (commune && commune.role !== "here" ? commune.name : "");
    this.view.classList.toggle("over-one", Boolean(text));
    this.tip.hidden = !text;
    if (!text) return;
    patch(this.tip, text);
    const [x, y] = pixel;
    this.tip.style.transform = `translate(${Math.min(x + 14, this.#camera.width - this.tip.offsetWidth - 4)}px, ${Math.max(4, y - 34)}px)`;
  }

  #communeAt(pixel) {
    const place = this.#camera.back(pixel);
    return this.#scene.communes.find(({ geometry }) => ringsOf(geometry).filter((ring) => inside(ring, place)).length % 2 === 1);
  }
}

customElements.define("vigie-map", VigieMap);
