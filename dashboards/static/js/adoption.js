/** `<vigie-adoption>`: the form that adopts an unknown sensor: what it is, and where it stands. */

import { readAll, send } from "./api.js";
import { el } from "./element.js";
import { t } from "./words.js";

const KINDS = ["indoor_air", "outdoor_air", "bin", "bay", "meter", "counter"];
const slug = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

class VigieAdoption extends HTMLElement {
  /** @param {{external_id: string}} sensor @param {object[]} communes @param {object} current the commune shown */
  open(sensor, communes, current) {
    this.sensor = sensor;
    this.sites = [];
    this.error = el("p", { role: "alert", class: "note alarm", hidden: true });
    const option = (value, name, chosen = false) => el("option", { value, selected: chosen }, name);
    this.commune = el("select", { name: "commune", onchange: () => this.#readSites() }, ...communes.map(({ insee, name }) => option(insee, name, insee === current.insee)));
    this.site = el("select", { name: "site", onchange: () => this.#showSite() });
    this.code = el("input", { name: "code", required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9_\\-]*", placeholder: t("adopt.site_code_hint"), oninput: () => (this.typed = true) });
    this.place = el("input", { name: "place", required: true, maxlength: 120, placeholder: t("adopt.site_name_hint"), oninput: () => this.#suggest() });
    this.fresh = el("fieldset", { class: "plain" }, field("site_name", this.place), field("site_code", this.code));
    const cancel = el("button", { class: "btn plain", type: "button", onclick: () => this.dialog.close() }, t("adopt.cancel"));
    const form = el(
      "form",
      { method: "dialog", onsubmit: (event) => this.#adopt(event) },
      el("h2", { id: "adopt-title" }, t("adopt.title", { id: sensor.external_id })),
      field("name", el("input", { name: "name", required: true, maxlength: 120, placeholder: t("adopt.name_hint") })),
      field("kind", el("select", { name: "kind" }, ...KINDS.map((kind) => option(kind, t(`kind_one.${kind}`))))),
      field("commune", this.commune),
      field("site", this.site),
      this.fresh,
      this.error,
      el("div", { class: "acts" }, cancel, el("button", { class: "btn main", type: "submit" }, t("adopt.send"))),
    );
    this.dialog = el("dialog", { class: "adopt", "aria-labelledby": "adopt-title", onclose: () => this.replaceChildren() }, form);
    this.typed = false;
    this.replaceChildren(this.dialog);
    this.dialog.showModal();
    this.#readSites();
  }

  async #readSites() {
    const commune = this.commune.value;
    const sites = await readAll("/sites", { commune }).catch(() => []);
    if (commune !== this.commune.value) return;
    this.sites = sites;
    this.site.replaceChildren(...this.sites.map((site) => el("option", { value: site.code }, site.name)), el("option", { value: "" }, t("adopt.new_site")));
    this.#showSite();
  }

  #showSite() {
    const fresh = this.site.value === "";
    this.fresh.hidden = !fresh;
    this.fresh.disabled = !fresh;
  }

  #suggest() {
    if (!this.typed) this.code.value = slug(this.place.value);
  }

  async #adopt(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const known = this.sites.find(({ code }) => code === this.site.value);
    const site = known ?? { code: form.get("code"), name: form.get("place") };
    const body = {
      external_id: this.sensor.external_id,
      kind: form.get("kind"),
      name: form.get("name").trim(),
      site: { commune_insee: form.get("commune"), code: site.code, name: site.name },
    };
    try {
      const sensor = await send("/sensors", body);
      this.dialog.close();
      this.dispatchEvent(new CustomEvent("vigie:adopted", { bubbles: true, detail: sensor }));
    } catch (error) {
      this.error.textContent = t("adopt.refused", { why: error.message });
      this.error.hidden = false;
    }
  }
}

const field = (key, control) => el("label", { class: "line" }, el("span", {}, t(`adopt.${key}`)), control);

customElements.define("vigie-adoption", VigieAdoption);
