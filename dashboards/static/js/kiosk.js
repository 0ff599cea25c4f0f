/**
 * The page on a wall: `?kiosk=1`, `&turn=20` (seconds a commune), `&night=20-7` (dark between these hours of Paris).
 *
 * Nobody is there to reload it: it keeps the screen awake, tries again by itself, and takes the new version of the pages.
 */

import { now } from "./api.js";
import { hourOf } from "./paris.js";
import { get } from "./url.js";

const VERSION_MS = 10 * 60_000;
const TURN_S = [5, 3600];
const NIGHT = /^(\d{1,2})-(\d{1,2})$/;

export const isKiosk = () => get("kiosk") === "1";

/** Seconds each commune is shown for, 0 where the page stays. */
export function turnS() {
  const asked = Number(get("turn"));
  return asked > 0 ? Math.min(TURN_S[1], Math.max(TURN_S[0], asked)) : 0;
}

/** Whether the clock of Paris is within `from-until`, over midnight or not. */
export function isNight(hours, at) {
  const found = NIGHT.exec(hours);
  if (!found) return false;
  const [from, until] = [Number(found[1]), Number(found[2])];
  const hour = hourOf(at);
  return from <= until ? hour >= from && hour < until : hour >= from || hour < until;
}

export class Kiosk {
  #lock = null;

  start() {
    document.documentElement.dataset.kiosk = "1";
    this.tick();
    this.#wake();
    document.addEventListener("visibilitychange", () => this.#wake());
    // There is no button: whoever comes with a keyboard leaves by Escape.
    addEventListener("keydown", ({ key }) => key === "Escape" && location.assign(`/supervision?${new URLSearchParams({ commune: get("commune") })}`));
    setInterval(() => this.#renew(), VERSION_MS);
  }

  /** Every second: the theme follows the clock, where that is asked. */
  tick() {
    const hours = get("night") === "1" ? "20-7" : get("night");
    if (!NIGHT.test(hours)) return;
    const theme = isNight(hours, now()) ? "dark" : "light";
    if (document.documentElement.dataset.theme !== theme) document.documentElement.dataset.theme = theme;
  }

  /** Keep the screen on; a browser that cannot, or will not now, changes nothing. */
  async #wake() {
    if (document.hidden || !navigator.wakeLock || (this.#lock && !this.#lock.released)) return;
    this.#lock = await navigator.wakeLock.request("screen").catch(() => null);
  }

  /** The address of the words holds the version of all static files: where it is another one, the page begins anew. */
  async #renew() {
    const page = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (!page?.ok || page.redirected) return;
    const words = /data-words="([^"]+)"/.exec(await page.text())?.[1];
    if (words && words !== document.documentElement.dataset.words) location.reload();
  }
}
