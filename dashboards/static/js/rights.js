/** Who is signed in, and what they may do where; the server decides, a page offers only what it would grant. */

import { read, showToken } from "./api.js";
import { el } from "./element.js";
import { t } from "./words.js";

const UNREAD = { name: "", kind: "session", grants: [], rights: [], csrf: "", decision_id: null };

/** Who asks, as `GET /me` says it; without an answer nobody, who may nothing: the page then says itself what failed. */
export const me = await read("/me").catch(() => UNREAD);
showToken(me.csrf);

const covers = (scope, commune, site) => scope.commune_insee === null || (scope.commune_insee === commune && (scope.site_id === null || scope.site_id === site));
const where = (right) => me.rights.filter((scope) => scope.right === right);

/** Whether they may do this on this site, or in all of this commune; without a commune: in the whole Métropole. */
export const may = (right, commune = null, site = null) => where(right).some((scope) => covers(scope, commune, site));

/** Whether they may do this at least on one site of this commune; without a commune: anywhere. */
export const mayIn = (right, commune = null) => where(right).some((scope) => commune === null || scope.commune_insee === null || scope.commune_insee === commune);

/** Roles in words, one line for each place that they are held in. */
export function grantLines(grants) {
  const place = ({ commune_name: commune, site_name: site }) => [site, commune].filter(Boolean).join(", ") || t("rights.everywhere");
  return [...Map.groupBy(grants, place)].map(([where, held]) => el("li", {}, t("rights.grant", { roles: held.map(({ role }) => t(`role.${role}`)).join(", "), place: where })));
}

/** Who could do what is not offered here. */
export const needs = (right) => el("p", { class: "small quiet needs" }, t("rights.needs", { who: t(`rights.who.${right}`) }));
