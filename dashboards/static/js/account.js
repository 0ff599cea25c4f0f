/** `<vigie-account>`: who is signed in, with which roles; their own access, and the way out. */

import { signOut } from "./api.js";
import { el, glyph, patch } from "./element.js";
import { grantLines, me } from "./rights.js";
import { t } from "./words.js";

const PLACES_SHOWN = 6;

class VigieAccount extends HTMLElement {
  connectedCallback() {
    const name = me.name || t("account.unread");
    this.button = el("button", { class: "place", type: "button", "aria-expanded": "false", "aria-controls": "account", "aria-label": t("account.open", { name }), onclick: () => this.#toggle(this.sheet.hidden) }, glyph("i-person"), el("span", {}, name));
    this.sheet = el("div", { class: "sheet", id: "account", hidden: true }, ...(me.name ? this.#about() : [el("p", {}, t("account.unread_hint"))]));
    this.replaceChildren(this.button, this.sheet);
    this.addEventListener("focusout", (event) => event.relatedTarget && !this.contains(event.relatedTarget) && this.#toggle(false));
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.sheet.hidden) return;
      this.#toggle(false);
      this.button.focus();
    });
    document.addEventListener("pointerdown", ({ target }) => this.contains(target) || this.#toggle(false));
  }

  #about() {
    const places = grantLines(me.grants);
    const rest = places.length - PLACES_SHOWN;
    this.error = el("p", { class: "t-alarm", role: "alert", hidden: true });
    return [
      el("p", {}, el("strong", {}, me.name)),
      el("ul", { class: "roles", "aria-label": t("account.roles") }, ...places.slice(0, PLACES_SHOWN), rest > 0 && el("li", { class: "quiet" }, t("account.more", { n: rest }))),
      farPages(),
      el("div", { class: "acts" }, el("button", { class: "btn", type: "button", onclick: () => this.#own() }, t("account.own")), el("button", { class: "btn", type: "button", onclick: () => this.#leave() }, t("account.sign_out"))),
      this.error,
    ];
  }

  #toggle(open) {
    this.sheet.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  /** Rarely asked for: its script is read then. */
  async #own() {
    this.#toggle(false);
    const { showOwnAccess } = await import("./own_access.js");
    showOwnAccess();
  }

  async #leave() {
    try {
      await signOut();
    } catch (error) {
      patch(this.error, t("account.not_left", { why: error.message }));
      this.error.hidden = false;
    }
  }
}

/** On a phone the bar has no room for all pages: the last ones stand here. */
const farPages = () =>
  el("ul", { class: "far-pages narrow" }, ...[...document.querySelectorAll(".rail .far")].map((link) => el("li", {}, el("a", { href: link.getAttribute("href") }, link.textContent.trim()))));

customElements.define("vigie-account", VigieAccount);
