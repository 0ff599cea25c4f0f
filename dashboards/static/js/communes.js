/** `<vigie-communes>`: the commune chooser, a searchable list, those with sensors first. */

import { readAll } from "./api.js";
import { el, patch } from "./element.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[-’']/g, " ");
const byName = new Intl.Collator("fr").compare;

class VigieCommunes extends HTMLElement {
  #communes = [];
  #shown = [];
  #at = 0;

  /**
   * Read the communes; return the one the address asks for, else the one with most sensors.
   * @param {{whole?: string}} [offer] `whole`: the name of all of them together, where a page shows that; it is then the
   *   first choice of who sees sensors in several
   */
  async load({ whole = "" } = {}) {
    this.#communes = await readAll("/communes");
    this.#communes.sort((a, b) => Number(!a.sensors) - Number(!b.sensors) || byName(a.name, b.name));
    const asked = get("commune");
    if (!this.#communes.length) throw new Error(t("communes.not_one"));
    const most = this.#communes.reduce((best, one) => (one.sensors > best.sensors ? one : best));
    const several = this.#communes.filter(({ sensors }) => sensors).length > 1;
    this.whole = whole && several ? { insee: "all", name: whole, sensors: 0 } : null;
    this.current = this.#communes.find(({ insee }) => insee === asked) ?? this.whole ?? most;
    this.#build();
    return this.current;
  }

  /** All communes, those with sensors first. */
  get communes() {
    return this.#communes;
  }

  /** Show another one as the current, where a page changes it by itself. */
  name(commune) {
    this.current = commune;
    this.button.firstChild.replaceWith(el("span", {}, commune.name));
    this.button.setAttribute("aria-label", t("communes.current", { name: commune.name }));
    put({ commune: commune.insee });
  }

  #build() {
    this.button = this.querySelector("button");
    this.name(this.current);
    this.input = el("input", {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "commune-options", "aria-autocomplete": "list",
      "aria-label": t("communes.search"), placeholder: t("communes.search"), autocomplete: "off", spellcheck: "false",
      oninput: () => this.#filter(), onkeydown: (event) => this.#key(event),
    });
    this.list = el("div", { id: "commune-options", role: "listbox", "aria-label": t("communes.choose"), tabindex: "-1" });
    this.count = el("p", { class: "vh", role: "status" });
    this.sheet = el("div", { class: "sheet", role: "dialog", "aria-label": t("communes.choose"), hidden: true }, el("div", { class: "field" }, this.input), this.list, this.count);
    this.append(this.sheet);
    this.button.addEventListener("click", () => this.#toggle(this.sheet.hidden));
    this.addEventListener("focusout", (event) => this.contains(event.relatedTarget) || this.#toggle(false, false));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  #toggle(open, back = true) {
    if (this.sheet.hidden === !open) return;
    this.sheet.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (!open) {
      if (back) this.button.focus();
      return;
    }
    this.input.value = "";
    this.#filter();
    this.input.focus();
  }

  #filter() {
    const search = plain(this.input.value);
    const all = [...(this.whole ? [this.whole] : []), ...this.#communes];
    this.#shown = all.filter(({ name, insee }) => plain(name).includes(search) || insee.startsWith(search));
    this.#at = Math.max(0, this.#shown.findIndex(({ insee }) => insee === this.current.insee));
    const groups = [
      ["communes.whole", this.#shown.filter((one) => one === this.whole)],
      ["communes.with", this.#shown.filter(({ sensors }) => sensors)],
      ["communes.without", this.#shown.filter((one) => !one.sensors && one !== this.whole)],
    ].filter(([, communes]) => communes.length);
    this.list.replaceChildren(...groups.map(([title, communes]) => this.#group(t(title), communes)));
    if (!groups.length) this.list.append(el("p", { class: "quiet" }, t("communes.none")));
    patch(this.count, t("communes.found", { n: this.#shown.length }));
    this.#mark();
  }

  #group(title, communes) {
    const options = communes.map((commune) =>
      el(
        "div",
        { role: "option", id: `commune-${commune.insee}`, "aria-selected": "false", onclick: () => this.#go(commune) },
        el("span", {}, commune.name),
        commune.sensors ? el("span", { class: "quiet" }, t("communes.sensors", { n: commune.sensors })) : null,
      ),
    );
    return el("div", { role: "group", "aria-label": title }, el("p", { class: "quiet small", "aria-hidden": "true" }, title), ...options);
  }

  #key(event) {
    const last = this.#shown.length - 1;
    const moves = { ArrowDown: this.#at + 1, ArrowUp: this.#at - 1, Home: 0, End: last, PageDown: this.#at + 8, PageUp: this.#at - 8 };
    if (event.key in moves) {
      this.#at = Math.min(last, Math.max(0, moves[event.key]));
      this.#mark();
    } else if (event.key === "Enter" && this.#shown[this.#at]) this.#go(this.#shown[this.#at]);
    else if (event.key === "Escape") this.#toggle(false);
    else return;
    event.preventDefault();
  }

  #mark() {
    this.list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
    const option = this.#shown.length ? this.list.querySelector(`#commune-${this.#shown[this.#at].insee}`) : null;
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  #go(commune) {
    location.search = new URLSearchParams({ commune: commune.insee });
  }
}

customElements.define("vigie-communes", VigieCommunes);
