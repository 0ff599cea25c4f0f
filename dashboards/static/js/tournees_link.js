/** A driver's link to one round: made here, shown once, sent by whatever means the dispatcher likes. */

import { now, read, send, withdraw } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el } from "./element.js";
import { moment } from "./formats.js";
import { showSecret } from "./secret.js";
import { t } from "./words.js";

const HOURS = [12, 24, 72];
const HOUR_MS = 3_600_000;

/** Ask for a new link; those that are still good stand below, to be withdrawn. */
export function askLink({ decision_id: id }) {
  const name = el("input", { name: "name", required: true, maxlength: 120, autocomplete: "off" });
  const hours = el("select", { name: "hours" }, ...HOURS.map((one) => option(one, t(`tournees.hours_${one}`), one === HOURS[1])));
  const made = el("div", { "aria-live": "polite" });
  showMade(id, made).catch(() => made.replaceChildren());
  ask({
    title: t("tournees.send_title"),
    body: [el("p", { class: "lede" }, t("tournees.send_lede")), line(t("tournees.driver"), name, t("tournees.driver_hint")), line(t("tournees.good_for"), hours), made],
    label: t("tournees.make_link"),
    act: async () => {
      // A minute less: the longest is refused by a clock that goes before ours.
      const expires = new Date(now() + Number(hours.value) * HOUR_MS - 60_000).toISOString();
      const { name: driver, expires_at: until, link } = await send(`/decisions/${id}/links`, { name: name.value.trim(), expires_at: expires });
      showSecret({
        title: t("tournees.link_of", { name: driver }),
        lede: t("tournees.link_lede", { until: moment(Date.parse(until), now()) }),
        label: t("tournees.link"),
        value: new URL(link, location.href).href,
      });
    },
  });
}

/** The links of this round that still open it, each with its withdrawal. */
async function showMade(id, box) {
  const { items } = await read(`/decisions/${id}/links`);
  const good = items.filter((one) => !one.revoked_at && Date.parse(one.expires_at) > now());
  const drop = async ({ pass_id: pass }, event) => {
    event.target.disabled = true;
    await withdraw(`/decisions/${id}/links/${pass}`).catch(() => {});
    await showMade(id, box);
  };
  const row = (one) =>
    el(
      "li",
      { class: "session" },
      el("span", {}, t("tournees.link_until", { name: one.name, until: moment(Date.parse(one.expires_at), now()) })),
      el("button", { class: "btn", type: "button", "aria-label": t("tournees.link_drop_named", { name: one.name }), onclick: (event) => drop(one, event) }, t("access.remove")),
    );
  box.replaceChildren(...(good.length ? [el("h3", {}, t("tournees.links")), el("ul", { class: "said" }, ...good.map(row))] : []));
}
