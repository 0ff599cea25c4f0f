/** People: their roles by commune, inviting, one-time links, closing an account. */

import { now, readAll, send } from "./api.js";
import { ask, line } from "./dialog.js";
import { el } from "./element.js";
import { ago, moment, number } from "./formats.js";
import { GrantFields } from "./grant_fields.js";
import { grantLines } from "./rights.js";
import { showSecret } from "./secret.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CUT = 50;
const open = (person) => !person.disabled_at;

const add = (about, again) => {
  const name = el("input", { name: "name", required: true, maxlength: 120, autocomplete: "off" });
  const grants = new GrantFields(about.communes);
  ask({
    title: t("access.invite"),
    kind: "large",
    body: [el("p", { class: "lede" }, t("access.invite_lede")), line(t("access.name"), name), grants.node],
    label: t("access.invite_send"),
    act: async () => {
      const made = await send("/people", { name: name.value.trim(), grants: grants.value() });
      await again();
      showLink(made);
    },
  });
};

const showLink = ({ name, link, expires_at: until }) =>
  showSecret({ title: t("access.link_title", { name }), lede: t("access.link_lede", { until: moment(Date.parse(until), now()) }), label: t("access.link"), value: new URL(link, location.href).href });

function change(person, about, again) {
  const grants = new GrantFields(about.communes, person.grants);
  ask({
    title: t("access.roles_of", { name: person.name }),
    kind: "large",
    body: [el("p", { class: "lede" }, t("access.roles_lede")), grants.node],
    label: t("access.save"),
    act: async () => {
      await send(`/people/${person.person_id}/grants`, { grants: grants.value() }, "PUT");
      about.tell(t("access.roles_saved", { name: person.name }));
      await again();
    },
  });
}

function askDisable(person, about, again) {
  ask({
    title: t("access.disable_title", { name: person.name }),
    body: [el("p", { class: "lede" }, t("access.disable_lede"))],
    label: t("access.disable"),
    act: async () => {
      await send(`/people/${person.person_id}/disable`, {});
      about.tell(t("access.disabled", { name: person.name }));
      await again();
    },
  });
}

async function enable(person, about, again) {
  try {
    await send(`/people/${person.person_id}/enable`, {});
    about.tell(t("access.enabled", { name: person.name }));
    await again();
  } catch (error) {
    about.tell(t("dialog.refused", { why: error.message }));
  }
}

async function link(person, about) {
  try {
    showLink({ name: person.name, ...(await send(`/people/${person.person_id}/link`, {})) });
  } catch (error) {
    about.tell(t("dialog.refused", { why: error.message }));
  }
}

function row(person, about, again) {
  const { name } = person;
  const act = (key, onclick) => el("button", { class: "btn", type: "button", "aria-label": t(`access.${key}_named`, { name }), onclick }, t(`access.${key}`));
  const acts = open(person)
    ? [act("change", () => change(person, about, again)), person.local && act("new_link", () => link(person, about)), act("disable", () => askDisable(person, about, again))]
    : [el("span", { class: "tag" }, t("access.is_disabled")), act("enable", () => enable(person, about, again))];
  return el(
    "tr",
    { class: open(person) ? null : "dim" },
    el("th", { scope: "row" }, el("span", { class: "who" }, name, el("span", { class: "quiet" }, person.email || t(person.local ? "access.local" : "access.provided")))),
    el("td", { class: "wrap" }, person.grants.length ? el("ul", { class: "roles" }, ...grantLines(person.grants)) : el("span", { class: "quiet" }, t("access.no_role"))),
    el("td", { class: "num wide" }, person.seen_at ? ago(Math.max(0, now() - Date.parse(person.seen_at))) : el("span", { class: "quiet" }, t("access.never_seen"))),
    el("td", { class: "act" }, el("div", { class: "acts" }, ...acts.filter(Boolean))),
  );
}

export const people = {
  read: async () => ({ items: (await readAll("/people")).sort((a, b) => Boolean(a.disabled_at) - Boolean(b.disabled_at) || a.name.localeCompare(b.name, "fr")) }),
  count: (items) => items.filter(open).length,
  under: (items) => ({ under: t("access.closed", { n: number(items.length - items.filter(open).length) }, items.length - items.filter(open).length) }),
  add,
  table: (items, about, again) => table(t("access.title_people"), [[t("access.name")], [t("access.roles")], [t("access.seen"), "num wide"], [""]], items.map((person) => row(person, about, again)), { cut: CUT }),
};
