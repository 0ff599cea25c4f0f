/** The points of a map: one a sensor, those of one site spread so that each can be seen, each with its state. */

/** From the worst to none; a glyph of the sheet each. */
export const STATES = ["alarm", "watch", "silent", "suspect", "muted", "normal"];
const RANK = new Map(STATES.map((state, rank) => [state, rank]));
export const NORMAL = STATES.length - 1;

const GOLDEN = Math.PI * (3 - Math.sqrt(5));
const METRES_PER_DEGREE = 111_195;
const SPREAD_M_MAX = 250;

export const rankOf = (state) => RANK.get(state) ?? NORMAL;

export class Points {
  /** @type {{id: number | string, lon: number, lat: number, label: string, rank: number}[]} */
  all = [];
  #places = new Map();
  /** By rank, those in that state: of thousands, few change at a time. */
  #held = STATES.map(() => new Set());

  /**
   * @param {{id: number | string, lon: number | null, lat: number | null, state: string, label: string}[]} points
   * @param {number} stepM metres between neighbours of one site
   */
  constructor(points = [], stepM = 40) {
    const placed = points.filter(({ lon, lat }) => Number.isFinite(lon) && Number.isFinite(lat));
    this.unplaced = points.length - placed.length;
    for (const group of grouped(placed)) this.#spread(group, stepM);
  }

  get(id) {
    return this.#places.get(id);
  }

  /** Take a state; whether the picture of problems changes. */
  take(id, state) {
    const point = this.#places.get(id);
    const rank = rankOf(state);
    if (!point || point.rank === rank) return false;
    this.#held[point.rank].delete(point);
    this.#held[rank].add(point);
    point.rank = rank;
    return true;
  }

  /** What is not normal, the mildest first: the worst is drawn last, above the others. */
  get problems() {
    return this.#held.slice(0, NORMAL).reverse().flatMap((held) => [...held]);
  }

  /** How many in each state. */
  counts() {
    return Object.fromEntries(STATES.map((state, rank) => [state, this.#held[rank].size]));
  }

  /** The point within so many pixels of a pixel: the worst of them, then the nearest. */
  near(camera, [px, py], reach) {
    let best = null;
    for (const point of this.all) {
      const [x, y] = camera.at([point.lon, point.lat]);
      const away = Math.hypot(x - px, y - py);
      if (away <= reach && (!best || point.rank < best.point.rank || (point.rank === best.point.rank && away < best.away))) best = { point, away };
    }
    return best?.point ?? null;
  }

  // A sunflower's order, by id: the same on every screen, and a site with one sensor stays where it is.
  #spread(group, stepM) {
    group.sort((a, b) => (a.id < b.id ? -1 : 1));
    const step = Math.min(stepM, SPREAD_M_MAX / Math.sqrt(group.length)) / METRES_PER_DEGREE;
    group.forEach(({ id, lon, lat, state, label }, place) => {
      const [reach, turn] = [step * Math.sqrt(place), GOLDEN * place];
      const point = { id, label, rank: rankOf(state), lat: lat + reach * Math.sin(turn), lon: lon + (reach * Math.cos(turn)) / Math.cos((lat * Math.PI) / 180) };
      this.all.push(point);
      this.#places.set(id, point);
      this.#held[point.rank].add(point);
    });
  }
}

const spot = ({ lon, lat }) => `${lon},${lat}`;

function grouped(points) {
  const groups = new Map();
  for (const point of points) {
    const key = spot(point);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(point);
  }
  return groups.values();
}
