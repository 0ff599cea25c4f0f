/** Europe/Paris on the screen's edge: offsets, days and ticks, whatever zone the browser lives in. */

const ZONE = "Europe/Paris";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
  hour: "numeric", minute: "numeric", second: "numeric",
});

/** Paris minus UTC at this instant, in milliseconds. */
export function offsetMs(at) {
  const p = Object.fromEntries(parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(at / 1000) * 1000;
}

/** The instant of a Paris wall clock given as if it were UTC. */
function instant(local) {
  return local - offsetMs(local - offsetMs(local));
}

/** Start of the Paris day that holds this instant. */
export function dayStart(at) {
  const local = at + offsetMs(at);
  return instant(local - (((local % DAY_MS) + DAY_MS) % DAY_MS));
}

/** Whole days from the Paris day of `now` to that of `at`: 0 today, -1 yesterday, 1 tomorrow. */
export function daysFrom(now, at) {
  return Math.round((dayStart(at) - dayStart(now)) / DAY_MS);
}

/** Instants in `[from, until]` where the Paris clock shows a multiple of `hours`, moved by `shift` hours. */
export function ticks(from, until, hours, shift = 0) {
  const step = hours * HOUR_MS;
  const found = [];
  for (let local = Math.floor((from + offsetMs(from)) / step) * step; local < until + 2 * DAY_MS; local += step) {
    const at = instant(local + shift * HOUR_MS);
    if (at >= from && at <= until) found.push(at);
  }
  return found;
}

/** Starts of the Paris months in `[from, until]`, every so many of them counted from January. */
export function monthStarts(from, until, every = 1) {
  const first = new Date(from + offsetMs(from));
  const found = [];
  for (let month = first.getUTCMonth(); ; month += 1) {
    const at = instant(Date.UTC(first.getUTCFullYear(), month, 1));
    if (at > until) return found;
    if (at >= from && month % every === 0) found.push(at);
  }
}

/** Month of the Paris clock, 0 to 11. */
export function monthOf(at) {
  return new Date(at + offsetMs(at)).getUTCMonth();
}

/** RFC 3339 in Paris time with its offset: `2026-11-24T10:42:00+01:00`. */
export function parisIso(at) {
  const offset = offsetMs(at);
  const hours = String(Math.round(offset / HOUR_MS)).padStart(2, "0");
  return `${new Date(at + offset).toISOString().slice(0, 19)}+${hours}:00`;
}

/** Hour of the Paris clock, 0 to 23. */
export function hourOf(at) {
  return new Date(at + offsetMs(at)).getUTCHours();
}

/** What a `datetime-local` field shows for this instant: the Paris clock, to the minute. */
export const toField = (at) => new Date(at + offsetMs(at)).toISOString().slice(0, 16);

/** The instant of a `datetime-local` field read as the Paris clock; NaN when it is empty. Of a repeated hour, the second. */
export const fromField = (text) => (text ? instant(Date.parse(`${text}Z`)) : NaN);
