/** What a map looks at: Web Mercator, north up, as MapLibre counts it (a world of 512 px at zoom 0). */

const WORLD_PX = 512;
const EARTH_M = 40_075_016.686;
/** Further outside of a commune than this share of its size, a place is a mistake of its coordinates. */
const ASTRAY = 0.5;
const [ZOOM_MIN, ZOOM_MAX] = [8, 17];

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const mercatorX = (lon) => (lon + 180) / 360;
const mercatorY = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
const longitude = (x) => x * 360 - 180;
const latitude = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

export class Camera {
  x = mercatorX(2.35);
  y = mercatorY(48.857);
  zoom = 9.5;
  width = 1;
  height = 1;

  get scale() {
    return WORLD_PX * 2 ** this.zoom;
  }

  /** `[lon, lat]` of the middle. */
  get centre() {
    return [longitude(this.x), latitude(this.y)];
  }

  /** How many metres a pixel is, at the latitude of the middle. */
  get metresPerPx() {
    return (EARTH_M * Math.cos((latitude(this.y) * Math.PI) / 180)) / this.scale;
  }

  /** Pixels from the top left corner of a place in degrees. */
  at([lon, lat]) {
    return [(mercatorX(lon) - this.x) * this.scale + this.width / 2, (mercatorY(lat) - this.y) * this.scale + this.height / 2];
  }

  /** The place in degrees of a pixel. */
  back([px, py]) {
    return [longitude(this.x + (px - this.width / 2) / this.scale), latitude(this.y + (py - this.height / 2) / this.scale)];
  }

  /** Look at a place from a zoom: what MapLibre says of itself. */
  look([lon, lat], zoom) {
    Object.assign(this, { x: mercatorX(lon), y: mercatorY(lat), zoom: clamp(zoom, ZOOM_MIN, ZOOM_MAX) });
  }

  /** Move by pixels. */
  pan(dx, dy) {
    this.x += dx / this.scale;
    this.y += dy / this.scale;
  }

  /**
   * Show all of these bounds.
   * @param {[number, number, number, number]} bounds west, south, east, north in degrees
   * @param {{top: number, right: number, bottom: number, left: number}} pad pixels that are left free
   */
  fit([west, south, east, north], pad) {
    const [left, right, top, bottom] = [mercatorX(west), mercatorX(east), mercatorY(north), mercatorY(south)];
    const [free, tall] = [Math.max(40, this.width - pad.left - pad.right), Math.max(40, this.height - pad.top - pad.bottom)];
    const scale = Math.min(free / (right - left || 1e-9), tall / (bottom - top || 1e-9));
    this.zoom = clamp(Math.log2(scale / WORLD_PX), ZOOM_MIN, ZOOM_MAX - 2);
    this.x = (left + right) / 2 + (pad.right - pad.left) / 2 / this.scale;
    this.y = (top + bottom) / 2 + (pad.bottom - pad.top) / 2 / this.scale;
  }
}

export const ZOOMS = { min: ZOOM_MIN, max: ZOOM_MAX };

/** West, south, east, north of GeoJSON geometries. */
export function boundsOf(geometries) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of geometries.flatMap(outlines).flat()) {
    bounds[0] = Math.min(bounds[0], lon);
    bounds[1] = Math.min(bounds[1], lat);
    bounds[2] = Math.max(bounds[2], lon);
    bounds[3] = Math.max(bounds[3], lat);
  }
  return bounds;
}

/** These bounds with places that lie a little outside of them, as a schematic outline leaves some; not with one gone astray. */
export function widened([west, south, east, north], places) {
  const [wide, tall] = [(east - west) * ASTRAY, (north - south) * ASTRAY];
  const near = places.filter(([lon, lat]) => lon > west - wide && lon < east + wide && lat > south - tall && lat < north + tall);
  const [lons, lats] = [near.map(([lon]) => lon), near.map(([, lat]) => lat)];
  return [Math.min(west, ...lons), Math.min(south, ...lats), Math.max(east, ...lons), Math.max(north, ...lats)];
}

/** The outer rings of a polygon or of several. */
export const outlines = ({ type, coordinates }) => (type === "Polygon" ? [coordinates[0]] : coordinates.map(([outer]) => outer));

/** All rings, holes too. */
export const ringsOf = ({ type, coordinates }) => (type === "Polygon" ? coordinates : coordinates.flat());
