/**
 * `<vigie-queue>`: the alarms, what to treat before what to follow.
 *
 * Dispatches `vigie:alarm-chosen` (the alarm that is looked at, or null) and `vigie:alarms-moved` (somebody acted here).
 * While a person is at work in it, nothing jumps: rows are written where they stand and laid out again once the hand is away.
 */

import { now } from "./api.js";
import { act, UNDO } from "./alarm_acts.js";
import { alarmsPage } from "./alarms.js";
import { el, patch } from "./element.js";
import { QueueRow } from "./queue_row.js";
import { may } from "./rights.js";
import { readTrends } from "./trends.js";
import { t } from "./words.js";

const TREATED_MAX = 20;
const FOLLOWED_MAX = 5;
const TREND = { hours: 6, step: "PT10M" };
// A pointer left lying on a wall screen is nobody at work.
const AT_WORK_MS = 20_000;
const UNDO_MS = 20_000;

class VigieQueue extends HTMLElement {
  #rows = new Map();
  #trends = new Map();
  #book = null;
  #metrics = new Map();
  #newest = () => undefined;
  #all = false;
  #moved = 0;
  #stale = false;
  #acted = false;
  #undo = 0;
  chosen = null;

  connectedCallback() {
    for (const kind of ["pointermove", "keydown", "pointerdown", "focusin"]) this.addEventListener(kind, () => (this.#moved = now()));
    this.addEventListener("pointerleave", () => this.#settle());
  }

  /** Show a book of alarms; `newest` tells what a series measured last, where that is known. */
  show(book, { metrics, newest = () => undefined, commune = "" }) {
    const known = this.#book && new Set(this.#book.toTreat.map(({ alarm_id: id }) => id));
    this.#book = book;
    this.#metrics = metrics;
    this.#newest = newest;
    this.commune = commune;
    if (!this.treat) this.#build();
    if (known) this.#announce(book.toTreat.filter(({ alarm_id: id }) => !known.has(id)));
    // Whoever acted here expects it to move.
    this.#stale = this.#busy && !this.#acted && this.treat.childElementCount > 0;
    this.#acted = false;
    if (this.#stale) this.#writeInPlace();
    else this.arrange();
    this.setAttribute("aria-busy", "false");
    return this.#loadTrends();
  }

  /** Which alarms are shown: of a kind, or with these words in them. */
  narrow(fits) {
    this.fits = fits;
    if (this.#book) this.arrange();
  }

  /** Look at one alarm. */
  choose(id) {
    this.chosen = id;
    for (const [one, row] of this.#rows) row.choose(one === id);
  }

  /** Every second: ages grow, values follow. */
  tick() {
    if (this.#stale && !this.#busy) this.#settle();
    for (const row of this.#rows.values()) row.tick();
  }

  /** Alarms to treat as they are numbered here. */
  get numbered() {
    return this.#shown(this.#book?.toTreat ?? []).slice(0, TREATED_MAX);
  }

  get #busy() {
    return now() - this.#moved < AT_WORK_MS && this.matches(":hover, :focus-within");
  }

  #shown(alarms) {
    return this.fits ? alarms.filter(this.fits) : alarms;
  }

  #build() {
    this.treat = el("ol", { class: "queue" });
    this.follow = el("ol", { class: "queue tight" });
    this.none = el("p", { class: "lede none", hidden: true });
    this.undo = el("div", { class: "note accent undo", role: "status", hidden: true });
    this.heard = el("p", { class: "vh", role: "status" });
    this.further = el("h3", {}, t("supervision.to_follow"));
    this.links = el("p", { class: "links" });
    this.replaceChildren(this.undo, this.treat, this.none, this.further, this.follow, this.links, this.heard);
  }

  /** Lay the rows out again, in the order of urgency. */
  arrange() {
    this.#stale = false;
    const active = this.contains(document.activeElement) ? document.activeElement : null;
    const held = Number(active?.closest("[data-alarm]")?.dataset.alarm);
    const treat = this.#shown(this.#book.toTreat);
    const follow = this.#shown(this.#book.toFollow);
    const treated = treat.slice(0, TREATED_MAX);
    const followed = follow.slice(0, this.#all ? Infinity : FOLLOWED_MAX);
    const ids = new Set([...treated, ...followed].map(({ alarm_id: id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    if (!ids.has(this.chosen)) this.chosen = treated[0]?.alarm_id ?? null;
    lay(this.treat, treated.map((alarm, place) => this.#row(alarm, place + 1)));
    lay(this.follow, followed.map((alarm) => this.#row(alarm, null)));
    this.none.hidden = treated.length > 0;
    patch(this.none, this.#book.toTreat.length ? t("supervision.none_here") : t("supervision.none"));
    this.further.hidden = !followed.length;
    this.#writeLinks(treat.length - treated.length, follow.length - followed.length);
    this.choose(this.chosen);
    if (!active || this.contains(document.activeElement)) return;
    if (active.isConnected && !active.closest("[hidden]")) active.focus({ preventScroll: true });
    else this.#rows.get(held)?.focus();
  }

  #row(alarm, place) {
    const id = alarm.alarm_id;
    if (!this.#rows.has(id)) this.#rows.set(id, new QueueRow(alarm, this.#about()));
    const row = this.#rows.get(id);
    row.update(alarm, place);
    return row.node;
  }

  #about() {
    return {
      metrics: this.#metrics,
      may: (alarm) => !document.documentElement.dataset.kiosk && may("tend", alarm.commune_insee, alarm.site?.site_id ?? null),
      // Of one commune the header says it; among many each says it of itself.
      tellsOrigin: () => !this.commune,
      trend: (series) => this.#trends.get(series) ?? [],
      newest: (series) => this.#newest(series),
      did: (alarm, what, more) => this.#did(alarm, what, more),
      changed: () => this.#tell("alarms-moved"),
      choose: (alarm) => {
        this.choose(alarm?.alarm_id ?? null);
        this.#tell("alarm-chosen", alarm);
      },
    };
  }

  /** Rows are written where they stand; those that are over step back until the hand is away. */
  #writeInPlace() {
    for (const [id, row] of this.#rows) {
      const alarm = this.#book.find(id);
      row.node.classList.toggle("over", !alarm);
      if (alarm) row.update(alarm, row.no.textContent ? Number(row.no.textContent) : null);
    }
  }

  #settle() {
    if (this.#stale && !this.#busy) this.arrange();
  }

  #writeLinks(more, others) {
    const rest = more + others;
    const open = () => {
      this.#all = true;
      this.arrange();
      this.follow.children[FOLLOWED_MAX]?.querySelector("button, a")?.focus();
    };
    const place = this.commune;
    this.links.replaceChildren(
      rest ? el("button", { type: "button", onclick: open }, t(more ? "supervision.more" : "supervision.others", { n: rest })) : "",
      el("a", { href: alarmsPage(place, "journal") }, t("supervision.journal")),
      el("a", { href: alarmsPage(place) }, t("supervision.rules")),
    );
  }

  /** One act, and the way back from it; the keyboard follows to there. */
  async #did(alarm, what, more) {
    this.#acted = true;
    if (!what) return this.#tell("alarms-moved");
    const focused = this.contains(document.activeElement);
    try {
      await act(alarm, what, more);
      this.#offerUndo(alarm, what, focused);
    } catch (error) {
      this.undo.className = "note alarm undo";
      this.undo.replaceChildren(el("span", {}, t("dialog.refused", { why: error.message })));
      this.undo.hidden = false;
    }
    return this.#tell("alarms-moved");
  }

  #offerUndo(alarm, what, focused) {
    clearTimeout(this.#undo);
    this.undo.className = "note accent undo";
    this.undo.hidden = !UNDO[what];
    if (!UNDO[what]) return;
    const back = el("button", { class: "btn", type: "button", onclick: () => this.#did(alarm, UNDO[what]).then(() => this.#backTo(alarm)) }, t("supervision.undo"));
    this.undo.replaceChildren(el("span", {}, t(`supervision.done_${what}`, { title: alarm.title })), back);
    if (focused) back.focus();
    const end = () => (this.undo.matches(":focus-within, :hover") ? this.#later(end) : (this.undo.hidden = true));
    this.#later(end);
  }

  #later(end) {
    this.#undo = setTimeout(end, UNDO_MS);
  }

  /** What was taken back is looked at again. */
  #backTo(alarm) {
    this.choose(alarm.alarm_id);
    this.#rows.get(alarm.alarm_id)?.focus();
  }

  #announce(alarms) {
    if (alarms.length) patch(this.heard, t("supervision.new_alarm", { n: alarms.length, title: alarms[0].title }));
  }

  async #loadTrends() {
    const wanted = this.numbered.map(({ series_id: id }) => id).filter((id) => id !== null);
    try {
      this.#trends = await readTrends(wanted, TREND);
    } catch {
      return;
    }
    for (const row of this.#rows.values()) row.draw();
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(`vigie:${name}`, { bubbles: true, detail }));
  }
}

/** Put these nodes into a list, moving only those that stand elsewhere: whoever has the focus keeps it. */
function lay(list, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, place) => list.children[place] === node || list.insertBefore(node, list.children[place] ?? null));
}

customElements.define("vigie-queue", VigieQueue);
