/** The fields that say which roles somebody gets, and where: as many lines as needed, one at least. */

import { readAll } from "./api.js";
import { option } from "./dialog.js";
import { el } from "./element.js";
import { may, mayIn } from "./rights.js";
import { t } from "./words.js";

// A driver gets a link to one round, no lasting role.
const ROLES = ["technician", "dispatcher", "building_manager", "curb_manager", "analyst", "administrator", "auditor"];
const LINES_MAX = 50;

export class GrantFields {
  #lines = [];

  /**
   * @param {{insee: string, name: string}[]} communes
   * @param {{role: string, commune_insee: string | null, site_id: number | null, site_name?: string}[]} [grants] those they have
   */
  constructor(communes, grants = []) {
    this.communes = communes.filter(({ insee }) => mayIn("grant", insee));
    this.list = el("div", {});
    const more = el("button", { class: "btn", type: "button", onclick: () => this.#add({}, true) }, t("access.more_roles"));
    this.node = el("fieldset", { class: "plain grants" }, el("legend", {}, t("access.roles")), this.list, more);
    for (const grant of grants.length ? grants : [{}]) this.#add(grant);
  }

  /** What was filled in, as the API takes it. */
  value() {
    return this.#lines.map(({ role, commune, site }) => ({ role: role.value, commune_insee: commune.value || null, site_id: site.value ? Number(site.value) : null }));
  }

  #add({ role = "technician", commune_insee: insee = this.communes[0]?.insee ?? null, site_id: siteId = null, site_name: siteName = "" }, focused = false) {
    if (this.#lines.length >= LINES_MAX) return;
    const line = {
      role: el("select", { "aria-label": t("access.role") }, ...ROLES.map((one) => option(one, t(`role.${one}`), one === role))),
      commune: el("select", { "aria-label": t("access.commune"), onchange: () => move(line) }, ...this.#places(insee)),
      site: el("select", { "aria-label": t("access.site") }, option("", t("access.every_site")), siteId === null ? null : option(siteId, siteName, true)),
    };
    line.node = el("div", { class: "grant" }, line.role, line.commune, line.site, el("button", { class: "btn plain", type: "button", "aria-label": t("access.drop_role"), onclick: () => this.#drop(line) }, "×"));
    this.#lines.push(line);
    this.list.append(line.node);
    readSites(line);
    if (focused) line.role.focus();
  }

  /** The communes that the giver administers, and the whole where they administer it. */
  #places(insee) {
    const whole = may("grant") ? [option("", t("rights.everywhere"), insee === null)] : [];
    return [...whole, ...this.communes.map(({ insee: code, name }) => option(code, name, code === insee))];
  }

  #drop(line) {
    this.#lines = this.#lines.filter((one) => one !== line);
    line.node.remove();
    (this.#lines.at(-1)?.role ?? this.node.querySelector("button")).focus();
  }
}

/** Of another commune no site is chosen yet. */
function move(line) {
  line.site.replaceChildren(option("", t("access.every_site")));
  readSites(line);
}

/** Add the sites that are not offered yet: the one that was held, or chosen while they were read, stays chosen. */
async function readSites({ commune, site }) {
  const insee = commune.value;
  site.disabled = !insee;
  const sites = insee ? await readAll("/sites", { commune: insee }).catch(() => []) : [];
  if (insee !== commune.value) return;
  const offered = new Set([...site.options].map(({ value }) => Number(value)));
  site.append(...sites.filter(({ site_id: id }) => !offered.has(id)).map(({ site_id: id, name }) => option(id, name)));
}
