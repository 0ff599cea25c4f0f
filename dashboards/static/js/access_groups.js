/** Groups of the identity provider: the roles that membership gives at each sign-in. */

import { readAll, send, withdraw } from "./api.js";
import { ask, line } from "./dialog.js";
import { el } from "./element.js";
import { number } from "./formats.js";
import { GrantFields } from "./grant_fields.js";
import { grantLines } from "./rights.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CUT = 50;

function edit(about, again, given = null) {
  const name = el("input", { name: "group", required: true, maxlength: 200, spellcheck: "false", autocapitalize: "none", value: given?.group ?? "", readonly: Boolean(given) });
  const grants = new GrantFields(about.communes, given?.grants);
  ask({
    title: given ? t("access.roles_of", { name: given.group }) : t("access.add_groups"),
    kind: "large",
    body: [el("p", { class: "lede" }, t("access.group_lede")), line(t("access.group"), name, t("access.group_hint")), grants.node],
    label: t("access.save"),
    act: async () => {
      await send("/group-grants", { group: name.value.trim(), grants: grants.value() }, "PUT");
      about.tell(t("access.roles_saved", { name: name.value.trim() }));
      await again();
    },
  });
}

function drop({ group }, about, again) {
  ask({
    title: t("access.drop_group_title", { name: group }),
    body: [el("p", { class: "lede" }, t("access.drop_group_lede"))],
    label: t("access.remove"),
    act: async () => {
      await withdraw("/group-grants", { group });
      about.tell(t("access.group_dropped", { name: group }));
      await again();
    },
  });
}

function row(given, about, again) {
  const act = (key, onclick) => el("button", { class: "btn", type: "button", "aria-label": t(`access.${key}_named`, { name: given.group }), onclick }, t(`access.${key}`));
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("code", {}, given.group)),
    el("td", { class: "wrap" }, el("ul", { class: "roles" }, ...grantLines(given.grants))),
    el("td", { class: "act" }, el("div", { class: "acts" }, act("change", () => edit(about, again, given)), act("remove", () => drop(given, about, again)))),
  );
}

/** One entry a group, with all that it gives. */
const byGroup = (rows) => [...Map.groupBy(rows, ({ group }) => group)].map(([group, grants]) => ({ group, grants }));

export const groups = {
  read: async () => ({ items: byGroup(await readAll("/group-grants")) }),
  count: (items) => items.length,
  under: (items) => ({ under: t("access.grants", { n: number(items.flatMap(({ grants }) => grants).length) }, items.flatMap(({ grants }) => grants).length) }),
  add: (about, again) => edit(about, again),
  table: (items, about, again) => table(t("access.title_groups"), [[t("access.group")], [t("access.roles")], [""]], items.map((given) => row(given, about, again)), { cut: CUT }),
};
