/** The fields that say where a sensor stands: a commune, one of its sites, or a new one. */

import { readAll } from "./api.js";
import { line, option } from "./dialog.js";
import { el } from "./element.js";
import { t } from "./words.js";

const slug = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

export class PlaceFields {
  #sites = [];
  #typed = false;

  /** @param {object[]} communes @param {{insee: string}} current the commune chosen at first */
  constructor(communes, current) {
    this.commune = el("select", { name: "commune", onchange: () => this.#readSites() }, ...communes.map(({ insee, name }) => option(insee, name, insee === current.insee)));
    this.site = el("select", { name: "site", onchange: () => this.#showSite() });
    this.code = el("input", { name: "code", required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9_\\-]*", placeholder: t("adopt.site_code_hint"), oninput: () => (this.#typed = true) });
    this.place = el("input", { name: "place", required: true, maxlength: 120, placeholder: t("adopt.site_name_hint"), oninput: () => this.#suggest() });
    this.fresh = el("fieldset", { class: "plain" }, line(t("adopt.site_name"), this.place), line(t("adopt.site_code"), this.code));
    this.nodes = [line(t("adopt.commune"), this.commune), line(t("adopt.site"), this.site), this.fresh];
    this.#readSites();
  }

  /** The site chosen, as the API takes it. */
  value() {
    const known = this.#sites.find(({ code }) => code === this.site.value);
    const place = known ?? { code: this.code.value, name: this.place.value.trim() };
    return { commune_insee: this.commune.value, code: place.code, name: place.name };
  }

  async #readSites() {
    const commune = this.commune.value;
    const sites = await readAll("/sites", { commune }).catch(() => []);
    if (commune !== this.commune.value) return;
    this.#sites = sites;
    this.site.replaceChildren(...sites.map(({ code, name }) => option(code, name)), option("", t("adopt.new_site")));
    this.#showSite();
  }

  #showSite() {
    const fresh = this.site.value === "";
    this.fresh.hidden = !fresh;
    this.fresh.disabled = !fresh;
  }

  #suggest() {
    if (!this.#typed) this.code.value = slug(this.place.value);
  }
}
