/** Programs' tokens: made and shown once, seen in use, revoked. */

import { now, readAll, send, withdraw } from "./api.js";
import { ask, line } from "./dialog.js";
import { el, glyph } from "./element.js";
import { ago, date, number } from "./formats.js";
import { GrantFields } from "./grant_fields.js";
import { fromField, toField } from "./paris.js";
import { grantLines } from "./rights.js";
import { showSecret } from "./secret.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CUT = 50;
const DAY_MS = 24 * 3_600_000;
const DAYS_USUAL = 90;
const DAYS_MAX = 400;

const isGood = (token) => !token.revoked_at && Date.parse(token.expires_at) > now();
const dayAfter = (days) => toField(now() + days * DAY_MS).slice(0, 10);

const add = (about, again) => {
  const name = el("input", { name: "name", required: true, maxlength: 120, autocomplete: "off" });
  const until = el("input", { type: "date", name: "until", required: true, value: dayAfter(DAYS_USUAL), min: dayAfter(1), max: dayAfter(DAYS_MAX - 1) });
  const grants = new GrantFields(about.communes);
  ask({
    title: t("access.token_title"),
    kind: "large",
    body: [el("p", { class: "lede" }, t("access.token_lede")), line(t("access.program"), name, t("access.program_hint")), line(t("access.good_until"), until), grants.node],
    label: t("access.make"),
    act: async () => {
      const expires = new Date(fromField(`${until.value}T00:00`)).toISOString();
      const made = await send("/tokens", { name: name.value.trim(), grants: grants.value(), expires_at: expires });
      await again();
      showSecret({ title: t("access.token_made", { name: made.name }), lede: t("access.token_once"), label: t("access.token"), value: made.secret });
    },
  });
};

function askRevoke(token, about, again) {
  ask({
    title: t("access.revoke_title", { name: token.name }),
    body: [el("p", { class: "lede" }, t("access.revoke_lede"))],
    label: t("access.revoke"),
    act: async () => {
      await withdraw(`/tokens/${token.pass_id}`);
      about.tell(t("access.revoked", { name: token.name }));
      await again();
    },
  });
}

function state(token) {
  if (token.revoked_at) return el("span", { class: "tag" }, t("access.is_revoked"));
  const until = Date.parse(token.expires_at);
  if (until <= now()) return el("span", { class: "tag" }, t("access.is_expired"));
  return el("span", { class: "state" }, until - now() < 30 * DAY_MS ? glyph("s-watch") : "", date(until));
}

function row(token, about, again) {
  const button = el("button", { class: "btn", type: "button", "aria-label": t("access.revoke_named", { name: token.name }), onclick: () => askRevoke(token, about, again) }, t("access.revoke"));
  return el(
    "tr",
    { class: isGood(token) ? null : "dim" },
    el("th", { scope: "row" }, el("span", { class: "who" }, token.name, el("span", { class: "quiet" }, t("access.made_by", { by: token.made_by, day: date(Date.parse(token.made_at)) })))),
    el("td", { class: "wrap" }, el("ul", { class: "roles" }, ...grantLines(token.grants))),
    el("td", { class: "num wide" }, token.used_at ? ago(Math.max(0, now() - Date.parse(token.used_at))) : el("span", { class: "quiet" }, t("access.never_used"))),
    el("td", {}, state(token)),
    el("td", { class: "act" }, isGood(token) ? button : ""),
  );
}

export const tokens = {
  isGood,
  read: async () => ({ items: (await readAll("/tokens")).sort((a, b) => isGood(b) - isGood(a) || a.name.localeCompare(b.name, "fr")) }),
  count: (items) => items.filter(isGood).length,
  under: (items) => ({ under: t("access.ended", { n: number(items.length - items.filter(isGood).length) }, items.length - items.filter(isGood).length) }),
  add,
  table: (items, about, again) => table(t("access.title_tokens"), [[t("access.program")], [t("access.roles")], [t("access.used"), "num wide"], [t("access.good_until")], [""]], items.map((token) => row(token, about, again)), { cut: CUT }),
};
