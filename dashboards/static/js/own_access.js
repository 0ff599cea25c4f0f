/** A person's own access: what they may do, where they are signed in, their password where it is kept here. */

import { now, read, send, withdraw } from "./api.js";
import { ask, line } from "./dialog.js";
import { el, patch } from "./element.js";
import { ago, moment } from "./formats.js";
import { grantLines, me } from "./rights.js";
import { t } from "./words.js";

const PASSWORD_MIN = 12;

/** Show it; every change is said in the dialog and done at once. */
export async function showOwnAccess() {
  const sessions = el("div", { "aria-live": "polite" }, el("span", { class: "skeleton w12" }, "\u00a0"));
  const dialog = ask({
    title: t("account.own"),
    body: [
      el("p", { class: "lede" }, t("account.until", { name: me.name, until: moment(Date.parse(me.expires_at), now()) })),
      el("ul", { class: "said" }, ...grantLines(me.grants)),
      el("h3", {}, t("account.sessions")),
      sessions,
      me.local && passwordPart(),
    ].filter(Boolean),
    label: t("dialog.close"),
    act: () => Promise.resolve(),
    asks: false,
  });
  await showSessions(sessions);
  return dialog;
}

async function showSessions(box) {
  try {
    const { items } = await read("/sessions");
    box.replaceChildren(el("ul", { class: "said" }, ...items.map((session) => sessionLine(session, box))));
  } catch (error) {
    box.replaceChildren(el("p", { class: "note alarm", role: "alert" }, t("data.failed", { why: error.message })));
  }
}

function sessionLine({ pass_id: id, current, made_at: made, used_at: used }, box) {
  const words = t("account.session", { made: moment(Date.parse(made), now()), ago: ago(Math.max(0, now() - Date.parse(used ?? made))) });
  const end = async (event) => {
    event.target.disabled = true;
    await withdraw(`/sessions/${id}`).catch(() => {});
    await showSessions(box);
  };
  const button = el("button", { class: "btn", type: "button", "aria-label": t("account.end_named", { made: moment(Date.parse(made), now()) }), onclick: end }, t("account.end"));
  return el("li", { class: "session" }, el("span", {}, words), current ? el("span", { class: "tag" }, t("account.this_one")) : button);
}

function passwordPart() {
  const field = (name, complete) => el("input", { type: "password", name, autocomplete: complete, minlength: name === "fresh" ? PASSWORD_MIN : null, maxlength: 200 });
  const [old, fresh] = [field("current", "current-password"), field("fresh", "new-password")];
  const said = el("p", { role: "status", class: "small" });
  const change = async () => {
    try {
      await send("/me/password", { current: old.value, password: fresh.value }, "PUT");
      old.value = fresh.value = "";
      patch(said, t("account.password_changed"));
    } catch (error) {
      patch(said, t("dialog.refused", { why: error.message }));
    }
  };
  return el(
    "details",
    { class: "password" },
    el("summary", {}, t("account.password")),
    line(t("account.password_now"), old),
    line(t("account.password_new"), fresh, t("account.password_hint")),
    el("div", { class: "acts" }, el("button", { class: "btn", type: "button", onclick: change }, t("account.password_send"))),
    said,
  );
}
