/**
 * `<vigie-live>`: the commune's live feed, with resume, merged per animation frame.
 *
 * Dispatches `vigie:readings` (the newest of each series, and how many came), `vigie:forecasts` (series ids),
 * `vigie:decisions` (what was proposed or answered), `vigie:alarms` (which moved), `vigie:reset` (read everything again) and `vigie:connection`
 * (whether it lives).
 */

import { address, read } from "./api.js";
import { el } from "./element.js";
import { t } from "./words.js";

const WAITS_S = [2, 4, 8, 15, 30, 60];
const ARRIVALS_KEPT = 10;
// A blink of the network is no news: the banner waits this long.
const PATIENCE_MS = 2500;

class VigieLive extends HTMLElement {
  #source = null;
  #commune = null;
  #follows = false;
  #last = "";
  #tries = 0;
  #retry = 0;
  #patience = 0;
  #frame = 0;
  #readings = new Map();
  #arrivals = [];
  #count = 0;
  #forecasts = new Set();

  /** Follow a commune from now on, or all that may be seen. @param {string | null} commune */
  follow(commune) {
    this.#commune = commune;
    this.#follows = true;
    this.#last = "";
    this.#open();
  }

  connectedCallback() {
    addEventListener("online", this.#now);
    addEventListener("pagehide", this.#close);
  }

  disconnectedCallback() {
    removeEventListener("online", this.#now);
    removeEventListener("pagehide", this.#close);
    this.#close();
  }

  #now = () => this.#follows && this.#open();

  #close = () => {
    clearTimeout(this.#retry);
    this.#source?.close();
  };

  #open() {
    this.#close();
    // A feed reopened by us says itself where it stopped; the browser's own reconnection says it in a header.
    this.#source = new EventSource(address("/live", { commune: this.#commune, last_event_id: this.#last || null }));
    this.#source.onopen = () => this.#alive();
    this.#source.onerror = () => this.#lost();
    this.#source.addEventListener("readings", (event) => this.#take(event, this.#readingsCame));
    this.#source.addEventListener("forecasts", (event) => this.#take(event, this.#forecastsCame));
    for (const kind of ["decisions", "alarms"]) {
      this.#source.addEventListener(kind, (event) => {
        this.#mark(event);
        this.#tell(kind, { items: JSON.parse(event.data).items });
      });
    }
    this.#source.addEventListener("ready", (event) => this.#mark(event));
    this.#source.addEventListener("reset", (event) => {
      this.#mark(event);
      this.#tell("reset");
    });
  }

  #mark(event) {
    if (event.lastEventId) this.#last = event.lastEventId;
  }

  #take(event, keep) {
    this.#mark(event);
    keep.call(this, JSON.parse(event.data).items);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #readingsCame(items) {
    for (const item of items) this.#readings.set(item.series_id, item);
    this.#arrivals.push(...items.slice(-ARRIVALS_KEPT));
    this.#arrivals.splice(0, this.#arrivals.length - ARRIVALS_KEPT);
    this.#count += items.length;
  }

  #forecastsCame(items) {
    for (const item of items) this.#forecasts.add(item.series_id);
  }

  #flush() {
    this.#frame = 0;
    if (this.#readings.size) {
      this.#tell("readings", { items: [...this.#readings.values()], arrivals: this.#arrivals, count: this.#count });
    }
    if (this.#forecasts.size) this.#tell("forecasts", { series: this.#forecasts });
    this.#readings = new Map();
    this.#arrivals = [];
    this.#count = 0;
    this.#forecasts = new Set();
  }

  #alive() {
    clearTimeout(this.#patience);
    this.#patience = 0;
    this.#tell("connection", { alive: true });
    this.#tries = 0;
    banner().hidden = true;
  }

  #lost() {
    this.#patience ||= setTimeout(() => this.#show(), PATIENCE_MS);
    if (this.#source.readyState !== EventSource.CLOSED) return;
    // A feed does not say why it ended: where the session did, reading leads to the sign-in.
    read("/me").catch(() => {});
    const wait = WAITS_S[Math.min(this.#tries, WAITS_S.length - 1)];
    this.#tries += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait * 1000);
    if (!banner().hidden) this.#show(wait);
  }

  #show(wait = 0) {
    const next = wait ? t("offline.retry_in", { n: wait }) : t("offline.retrying");
    banner().replaceChildren(
      el("span", {}, `${t("offline.lost")} ${next}`),
      el("button", { class: "btn", type: "button", onclick: this.#now }, t("offline.now")),
    );
    banner().hidden = false;
    this.#tell("connection", { alive: false });
  }

  #tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(`vigie:${name}`, { bubbles: true, detail }));
  }
}

const banner = () => document.querySelector("vigie-banner");

customElements.define("vigie-live", VigieLive);
