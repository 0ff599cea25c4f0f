/** The choice of how far back a list looks; the address keeps it. */

import { choices } from "./choice.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
const DAYS = { "24h": 1, "7d": 7, "30d": 30, "90d": 90, all: Infinity };

export class Period {
  /** @param {string} name of the parameter in the address @param {string[]} offered keys of DAYS @param {string} usual */
  constructor(name, offered, usual) {
    this.name = name;
    this.offered = offered;
    this.usual = usual;
  }

  get chosen() {
    return this.offered.includes(get(this.name)) ? get(this.name) : this.usual;
  }

  /** Where the period starts, in milliseconds; minus infinity for all that there is. */
  since(now) {
    return now - DAYS[this.chosen] * DAY_MS;
  }

  /** Fill the box with the buttons; `changed` is told when another one was chosen. */
  show(box, changed) {
    const choose = (period) => {
      put({ [this.name]: period === this.usual ? "" : period });
      changed();
    };
    choices(box, this.offered.map((period) => [period, t(`period.${period}`)]), this.chosen, choose);
  }
}
