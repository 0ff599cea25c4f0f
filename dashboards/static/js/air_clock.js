/** The clock that all staves of a room share: three hours measured, six hours planned. */

import { minute } from "./formats.js";
import { hourOf, ticks } from "./paris.js";

const HOUR_MS = 3_600_000;
const MEASURED_MS = 3 * HOUR_MS;

export class Clock {
  /** @param {{start: string, step_s: number, rooms: {occupied: boolean[]}[]}} picture */
  constructor(picture) {
    this.start = Date.parse(picture.start);
    this.step = picture.step_s * 1000;
    this.steps = picture.outdoor.advice.length;
    this.from = this.start - MEASURED_MS;
    this.until = this.start + this.steps * this.step;
  }

  /** Where an instant stands, 0 to 1. */
  share(at) {
    return (at - this.from) / (this.until - this.from);
  }

  /** Start of a quarter of the window. */
  quarter(place) {
    return this.start + place * this.step;
  }

  /** Set a box's left edge and width from two instants, through the style object as the page's policy asks. */
  place(node, from, until) {
    node.style.left = `${100 * this.share(from)}%`;
    node.style.width = `${100 * (this.share(until) - this.share(from))}%`;
    return node;
  }

  /** Full hours: instant, words. */
  get hours() {
    return ticks(this.from, this.until, 1).map((at) => [at, minute(at)]);
  }

  /** Runs of equal values over the quarters: `[value, first, after the last]`. */
  static runs(values) {
    const found = [];
    for (const [place, value] of values.entries()) {
      if (found.length && found.at(-1)[0] === value) found.at(-1)[2] = place + 1;
      else found.push([value, place, place + 1]);
    }
    return found;
  }

  /** The quarters of each clock hour: `[hour, first, after the last]`. */
  get wholes() {
    return Clock.runs(Array.from({ length: this.steps }, (_, place) => hourOf(this.quarter(place))));
  }
}
