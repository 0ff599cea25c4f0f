/** Trends of the series that are looked at, and of no others: a commune has thousands. */

import { read } from "./api.js";

const AT_ONCE = 100;

/**
 * Means of some series, by series; a series that cannot be seen is absent, a step without readings too.
 * @param {number[]} series
 * @param {{hours: number, step: string}} window how far back, in which ISO 8601 steps
 * @returns {Promise<Map<number, [number, number][]>>}
 */
export async function readTrends(series, { hours, step }) {
  const found = new Map();
  for (let first = 0; first < series.length; first += AT_ONCE) {
    const asked = series.slice(first, first + AT_ONCE).map((id) => ["series", id]);
    const { start, step_s: length, items } = await read(`/trends?${new URLSearchParams([...asked, ["hours", hours], ["step", step]])}`);
    const origin = Date.parse(start);
    for (const { series_id: id, values } of items) {
      found.set(id, values.map((value, place) => [origin + place * length * 1000, value]).filter(([, value]) => value !== null));
    }
  }
  return found;
}
