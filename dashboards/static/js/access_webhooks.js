/** Webhooks: who hears of what over HTTPS, whether it gets through, trying again. */

import { now, read, readAll, send, withdraw } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el, glyph, patch } from "./element.js";
import { ago, minute, moment, number } from "./formats.js";
import { may, mayIn } from "./rights.js";
import { showSecret } from "./secret.js";
import { openingRow, table } from "./table.js";
import { knows, t } from "./words.js";

const CUT = 50;
const SHOWN = 20;
const WANTED = ["decision.*", "alarm.*", "decision.proposed", "decision.edited", "decision.approved", "decision.refused"];
const MARKS = { taken: "s-done", waiting: "s-silent", given_up: "s-alarm" };

const isFailing = (webhook) => webhook.state === "active" && webhook.failures > 0;
const eventWords = (name) => (knows(`event.name.${name.replace(".", "_")}`) ? t(`event.name.${name.replace(".", "_")}`) : name);
const wantedWords = (name) => (name.endsWith(".*") ? t(`event.all_${name.slice(0, -2)}`) : eventWords(name));

const add = (about, again) => {
  const name = el("input", { name: "name", required: true, maxlength: 100, autocomplete: "off" });
  const url = el("input", { type: "url", name: "url", required: true, maxlength: 2000, placeholder: "https://", spellcheck: "false" });
  const wanted = WANTED.map((one, place) => el("label", { class: "tick" }, el("input", { type: "checkbox", name: "wanted", value: one, checked: place < 2 }), wantedWords(one)));
  const whole = may("grant") ? [option("", t("rights.everywhere"))] : [];
  const commune = el("select", { name: "commune" }, ...whole, ...about.communes.filter(({ insee }) => mayIn("grant", insee)).map(({ insee, name: called }) => option(insee, called)));
  ask({
    title: t("access.add_webhooks"),
    body: [
      el("p", { class: "lede" }, t("access.webhook_lede")),
      line(t("access.receiver"), name),
      line(t("access.url"), url, t("access.url_hint")),
      line(t("access.commune"), commune),
      el("fieldset", { class: "plain ticks" }, el("legend", {}, t("access.wanted")), ...wanted),
    ],
    label: t("access.make"),
    act: async (form) => {
      const body = { name: name.value.trim(), url: url.value.trim(), events: form.getAll("wanted"), communes: commune.value ? [commune.value] : null };
      const made = await send("/webhooks", body);
      await again();
      showSecret({ title: t("access.webhook_made", { name: made.name }), lede: t("access.webhook_once"), label: t("access.signing_secret"), value: made.secret });
    },
  });
};

function askRemove(webhook, about, again) {
  ask({
    title: t("access.webhook_remove_title", { name: webhook.name }),
    body: [el("p", { class: "lede" }, t("access.webhook_remove_lede"))],
    label: t("access.remove"),
    act: async () => {
      await withdraw(`/webhooks/${webhook.webhook_id}`);
      about.tell(t("access.webhook_removed", { name: webhook.name }));
      await again();
    },
  });
}

/** Under a webhook: what can be done with it, and what was sent to it lately. */
async function under(webhook, about, again) {
  const said = el("span", { class: "small quiet", role: "status" });
  const act = (key, onclick) => el("button", { class: "btn", type: "button", onclick }, t(`access.${key}`));
  const list = el("div", { class: "scroll" });
  const done = (key) => async (call) => {
    try {
      await call();
      patch(said, t(key));
      list.replaceChildren(...(await deliveries(webhook, replay)));
    } catch (error) {
      patch(said, t("dialog.refused", { why: error.message }));
    }
  };
  const replay = (delivery) => done("access.replayed")(() => send(`/deliveries/${delivery.delivery_id}/replay`, {}));
  const test = () => done("access.tested")(() => send(`/webhooks/${webhook.webhook_id}/test`, {}));
  const set = (state) => async () => {
    await done("access.webhook_saved")(() => send(`/webhooks/${webhook.webhook_id}`, { state }, "PATCH"));
    await again();
  };
  const rotate = async () => {
    try {
      const { secret, secret_before_until: until } = await send(`/webhooks/${webhook.webhook_id}/secrets`, {});
      showSecret({ title: t("access.webhook_made", { name: webhook.name }), lede: t("access.webhook_rotated", { until: moment(Date.parse(until), now()) }), label: t("access.signing_secret"), value: secret });
    } catch (error) {
      patch(said, t("dialog.refused", { why: error.message }));
    }
  };
  const turn = webhook.state === "active" ? act("pause", set("paused")) : act("resume", set("active"));
  list.append(...(await deliveries(webhook, replay)));
  return [el("div", { class: "acts" }, act("test", test), act("rotate", rotate), turn, act("remove", () => askRemove(webhook, about, again)), said), list];
}

async function deliveries({ webhook_id: id }, replay) {
  const { items } = await read(`/webhooks/${id}/deliveries`, { limit: SHOWN });
  if (!items.length) return [el("p", { class: "lede none" }, t("access.no_delivery"))];
  const heads = [[t("access.event")], [t("access.sent_at"), "num"], [t("access.outcome")], [""]];
  const rows = items.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, eventWords(one.event)),
      el("td", { class: "num" }, moment(Date.parse(one.tried_at ?? one.made_at), now(), minute)),
      el("td", {}, el("span", { class: "who" }, el("span", { class: "state" }, glyph(MARKS[one.state]), t(`access.is_${one.state}`, { n: number(one.tries) }, one.tries)), outcomeOf(one))),
      el("td", { class: "act" }, one.state === "waiting" ? "" : el("button", { class: "btn", type: "button", onclick: () => replay(one) }, t("access.replay"))),
    ),
  );
  return [table(t("access.deliveries"), heads, rows)];
}

const outcomeOf = ({ status, failure }) => (failure || status ? el("span", { class: "quiet" }, [status && `HTTP ${status}`, failure].filter(Boolean).join(", ")) : "");

function state(webhook) {
  if (webhook.state !== "active") return el("span", { class: "tag" }, t(`access.is_${webhook.state}`));
  if (isFailing(webhook)) return el("span", { class: "who" }, el("span", { class: "state" }, glyph("s-alarm"), t("access.failing", { n: number(webhook.failures) }, webhook.failures)), el("span", { class: "quiet" }, webhook.failure));
  const taken = webhook.succeeded_at;
  return el("span", { class: "state" }, glyph(taken ? "s-normal" : "s-silent"), taken ? t("access.taken", { ago: ago(Math.max(0, now() - Date.parse(taken))) }) : t("access.nothing_yet"));
}

function row(webhook, about, again) {
  const where = (webhook.communes ?? []).map((insee) => about.communes.find((one) => one.insee === insee)?.name ?? insee);
  return openingRow(
    [el("span", { class: "who" }, webhook.name, el("span", { class: "quiet" }, new URL(webhook.url).host))],
    [el("td", { class: "wrap wide" }, webhook.events.map(wantedWords).join(", ")), el("td", { class: "wrap wide" }, where.join(", ") || t("rights.everywhere")), el("td", {}, state(webhook))],
    () => under(webhook, about, again),
  );
}

export const webhooks = {
  read: async () => ({ items: await readAll("/webhooks") }),
  count: (items) => items.filter(({ state: one }) => one === "active").length,
  under: (items) => {
    const failing = items.filter(isFailing).length;
    return failing ? { mark: glyph("s-alarm"), under: t("access.failing_webhooks", { n: number(failing) }, failing) } : { under: t("access.all_taken") };
  },
  add,
  table: (items, about, again) => table(t("access.title_webhooks"), [[t("access.receiver")], [t("access.wanted"), "wide"], [t("access.where"), "wide"], [t("access.state")]], items.map((one) => row(one, about, again)), { cut: CUT }),
};
