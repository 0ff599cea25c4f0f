/** Accès: who may do what and where: people, groups of the identity provider, programs' tokens, webhooks. */

import { now, read } from "./api.js";
import { groups } from "./access_groups.js";
import { people } from "./access_people.js";
import { tokens } from "./access_tokens.js";
import { webhooks } from "./access_webhooks.js";
import { el, glyph } from "./element.js";
import { number } from "./formats.js";
import { note, showVerdict } from "./frame.js";
import { figure, tabs } from "./tabs.js";
import { t } from "./words.js";

const SOON_MS = 30 * 24 * 3_600_000;
const $ = (selector) => document.querySelector(selector);
const VIEWS = { people, groups, tokens, webhooks };
const about = { communes: [], tell };
const seen = {};

async function start() {
  tabs($("[data-tabs]"), show);
  for (const [view, { add }] of Object.entries(VIEWS)) $(`#${view} [data-add]`).addEventListener("click", () => add(about, () => show(view)));
  try {
    ({ items: about.communes } = await read("/communes", { limit: 500 }));
    await Promise.all(Object.keys(VIEWS).map(show));
  } catch (error) {
    showVerdict([t("access.failed", { why: error.message }), ""]);
  }
}

/** Say what was done. */
function tell(words) {
  $("[data-told]").replaceChildren(el("p", { class: "note accent" }, words));
}

/** Read a view and draw it; one that fails says so in its own place. */
async function show(view) {
  const fault = $(`#${view} [data-fault]`);
  try {
    const { items } = await VIEWS[view].read();
    seen[view] = items;
    $(`#${view} [data-list]`).replaceChildren(items.length ? VIEWS[view].table(items, about, () => show(view)) : el("p", { class: "lede none" }, t(`access.none_${view}`)));
    figure(view, { value: number(VIEWS[view].count(items)), ...VIEWS[view].under(items) });
    fault.replaceChildren();
    sentence();
  } catch (error) {
    figure(view, { value: "–", under: t("data.unread") });
    fault.replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), () => show(view)));
  }
  $(`#${view}`).classList.toggle("unread", !seen[view]);
}

/** How many may come in, and what soon ends. */
function sentence() {
  const [persons, programs] = [people.count(seen.people ?? []), tokens.count(seen.tokens ?? [])];
  const ending = (seen.tokens ?? []).filter((token) => tokens.isGood(token) && Date.parse(token.expires_at) - now() < SOON_MS).length;
  const loud = t("access.verdict", { people: t("access.people", { n: number(persons) }, persons), programs: t("access.programs", { n: number(programs) }, programs) });
  showVerdict([loud, ending ? t("access.ending", { n: number(ending) }, ending) : t("access.none_ending")]);
  if (ending) figure("tokens", { value: number(programs), mark: glyph("s-watch"), under: t("access.ending_short", { n: number(ending) }, ending) });
}

start();
