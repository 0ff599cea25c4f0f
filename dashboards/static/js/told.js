/** The view of how one is told: one's own e-mail subscriptions, with hours, gathering, a bound, and a test. */

import { now, read, send, withdraw } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el, glyph } from "./element.js";
import { ago, number } from "./formats.js";
import { openingRow, table } from "./table.js";
import { TimetableFields, timetableWords } from "./timetable_fields.js";
import { language, t } from "./words.js";

const SEVERITIES = ["info", "warning", "critical"];
const GATHERED_MIN = [0, 15, 30, 60, 240, 1440];
const $ = (selector) => document.querySelector(selector);

/** Read and draw the view; return the subscriptions. */
export async function showTold(about) {
  const { items } = await read("/me/subscriptions");
  $("[data-told-list]").replaceChildren(items.length ? subscriptionTable(items, about) : el("p", { class: "lede none" }, t("told.none")));
  return items;
}

/** Have the button for a new subscription work. */
export function listenTold(about) {
  $("[data-add-told]").addEventListener("click", () => askSubscription(null, about));
}

function subscriptionTable(subscriptions, about) {
  const heads = [[t("told.address")], [t("told.what"), "wide"], [t("told.when"), "wide"], [t("told.state")]];
  const rows = subscriptions.map((one) => {
    const row = openingRow(
      [one.address],
      [
        el("td", { class: "wide" }, el("span", { class: "who" }, t(`told.from_${one.severity_min}`), el("span", { class: "quiet" }, communesWords(one, about)))),
        el("td", { class: "wide wrap" }, el("span", { class: "who" }, timetableWords(one.timetable), el("span", { class: "quiet" }, gatheredWords(one)))),
        el("td", {}, stateOf(one)),
      ],
      () => under(one, about),
    );
    row.classList.toggle("dim", one.paused);
    return row;
  });
  return table(t("told.title"), heads, rows);
}

const communesWords = ({ communes }, about) => (communes ? communes.map((insee) => about.communes.find((one) => one.insee === insee)?.name ?? insee).join(", ") : t("told.all_seen"));
const gatheredWords = ({ digest_min: minutes, mails_per_hour_max: most }) => [t(minutes ? "told.gathered" : "told.at_once", { n: number(minutes) }, minutes), t("told.most", { n: number(most) }, most)].join(", ");

function stateOf({ paused, failure, sent_at: sent }) {
  if (paused) return el("span", { class: "tag" }, t("told.paused"));
  if (failure) return el("span", { class: "who" }, el("span", { class: "state" }, glyph("s-alarm"), t("told.failing")), el("span", { class: "quiet", lang: "en" }, failure));
  return el("span", { class: "state" }, glyph(sent ? "s-normal" : "s-silent"), sent ? t("told.sent", { ago: ago(Math.max(0, now() - Date.parse(sent))) }) : t("told.nothing_yet"));
}

function under(one, about) {
  const said = el("span", { class: "small quiet", role: "status" });
  const act = (key, onclick) => el("button", { class: "btn", type: "button", "aria-label": t(`told.${key}_named`, { address: one.address }), onclick }, t(`told.${key}`));
  const trying = (call) => async () => {
    try {
      said.textContent = "";
      await call();
    } catch (error) {
      said.textContent = t("dialog.refused", { why: error.message });
    }
  };
  const test = trying(async () => {
    await send(`/me/subscriptions/${one.subscription_id}/test`, {});
    said.textContent = t("told.tested", { address: one.address });
  });
  const turn = trying(async () => {
    await send(`/me/subscriptions/${one.subscription_id}`, { ...bodyOf(one), paused: !one.paused }, "PUT");
    about.tell(t(one.paused ? "told.resumed" : "told.paused_done", { address: one.address }));
    about.again();
  });
  return [el("div", { class: "acts" }, act("test", test), act("edit", () => askSubscription(one, about)), act(one.paused ? "resume" : "pause", turn), act("remove", () => askRemove(one, about)), said)];
}

const bodyOf = ({ address, communes, severity_min, timetable, digest_min, mails_per_hour_max, language: tongue, paused }) => ({ address, communes, severity_min, timetable, digest_min, mails_per_hour_max, language: tongue, paused });

function askSubscription(one, about) {
  const own = { severity_min: "warning", timetable: [], digest_min: 0, mails_per_hour_max: 12, communes: [about.commune.insee], language, paused: false, ...one };
  const address = el("input", { type: "email", name: "address", required: true, maxlength: 254, autocomplete: "email", value: own.address ?? "" });
  const severity = el("select", { name: "severity" }, ...SEVERITIES.map((value) => option(value, t(`told.from_${value}`), value === own.severity_min)));
  const where = el("select", { name: "communes" }, option("", t("told.all_seen"), !own.communes), ...[...new Set([about.commune.insee, ...(own.communes ?? [])])].map((insee) => option(insee, about.communes.find((known) => known.insee === insee)?.name ?? insee, own.communes?.[0] === insee)));
  const gathered = el("select", { name: "digest" }, ...[...new Set([...GATHERED_MIN, own.digest_min])].sort((a, b) => a - b).map((n) => option(n, t(n ? "told.gathered" : "told.at_once", { n: number(n) }, n), n === own.digest_min)));
  const most = el("input", { type: "number", name: "most", inputmode: "numeric", min: 1, max: 60, required: true, value: own.mails_per_hour_max });
  const tongue = el("select", { name: "language" }, option("fr", "Français", own.language === "fr"), option("en", "English", own.language === "en"));
  const hours = new TimetableFields(own.timetable);
  ask({
    title: t(one ? "told.edit_title" : "told.add_title"),
    kind: "large",
    body: [
      el("p", { class: "lede" }, t("told.add_lede")),
      el("div", { class: "pair" }, line(t("told.address"), address), line(t("told.language"), tongue)),
      el("div", { class: "pair" }, line(t("told.what"), severity), line(t("told.where"), where)),
      hours.node,
      el("div", { class: "pair" }, line(t("told.gathering"), gathered, t("told.gathering_hint")), line(t("told.bound"), most, t("told.bound_hint"))),
    ],
    label: t(one ? "rules.save" : "told.add"),
    act: async () => {
      const body = { address: address.value.trim(), communes: where.value ? [where.value] : null, severity_min: severity.value, timetable: hours.value(), digest_min: Number(gathered.value), mails_per_hour_max: most.valueAsNumber, language: tongue.value, paused: own.paused };
      await (one ? send(`/me/subscriptions/${one.subscription_id}`, body, "PUT") : send("/me/subscriptions", body));
      about.tell(t("told.saved", { address: body.address }));
      about.again();
    },
  });
}

function askRemove(one, about) {
  ask({
    title: t("told.remove_named", { address: one.address }),
    body: [el("p", { class: "lede" }, t("told.remove_lede"))],
    label: t("told.remove"),
    act: async () => {
      await withdraw(`/me/subscriptions/${one.subscription_id}`);
      about.tell(t("told.removed", { address: one.address }));
      about.again();
    },
  });
}

/** What the tab says of the subscriptions. */
export function toldFigure(subscriptions) {
  const live = subscriptions.filter(({ paused }) => !paused);
  const failing = live.some(({ failure }) => failure);
  const under = failing ? t("told.failing") : live.length ? timetableWords(live[0].timetable) : t("told.nobody");
  return { value: number(live.length), mark: failing ? glyph("s-alarm") : null, under };
}
