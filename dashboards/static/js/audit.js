/** Audit: who did what, when, from where, and what it changed; kept so that tampering shows. */

import { address, now, read } from "./api.js";
import { differenceOf } from "./difference.js";
import { el, glyph } from "./element.js";
import { clock, moment, number } from "./formats.js";
import { note, showVerdict } from "./frame.js";
import { Period } from "./period.js";
import { openingRow, table } from "./table.js";
import { get, put } from "./url.js";
import { knows, t, wordsUnder } from "./words.js";

const PAGE = 50;
const FORMATS = ["csv-fr", "csv", "jsonl"];
const TYPED_MS = 300;
const $ = (selector) => document.querySelector(selector);
const form = $("[data-filters]");
const period = new Period("since", ["24h", "7d", "30d", "90d", "all"], "7d");
let names = new Map();
let typed = 0;
let asked = 0;

/** What is asked for, as the API takes it. */
function filter() {
  const since = period.since(now());
  return { who: get("who") || null, what: get("what") || null, commune: get("commune") || null, from: Number.isFinite(since) ? new Date(since).toISOString() : null };
}

async function start() {
  for (const name of ["who", "what", "commune"]) form.elements[name].addEventListener("input", () => narrow(name));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.what.append(...wordsUnder("audit.what").map(([what, words]) => el("option", { value: what }, words)));
  addEventListener("popstate", show);
  // Whoever may see no commune by its sensors still audits: their filter is then left out.
  const { items } = await read("/communes", { limit: 500 }).catch(() => ({ items: [] }));
  names = new Map(items.map(({ insee, name }) => [insee, name]));
  form.elements.commune.append(...items.map(({ insee, name }) => el("option", { value: insee }, name)));
  $("[data-communes]").hidden = items.length < 2;
  await show();
}

function narrow(name) {
  clearTimeout(typed);
  put({ [name]: form.elements[name].value });
  typed = setTimeout(show, name === "who" ? TYPED_MS : 0);
}

async function show() {
  for (const name of ["who", "what", "commune"]) if (form.elements[name].value !== get(name)) form.elements[name].value = get(name);
  period.show($("[data-since]"), show);
  $("[data-exports]").replaceChildren(...FORMATS.map((format) => el("a", { href: address("/audit/export", { ...filter(), format }), download: "" }, t(`audit.format_${format.replace("-", "_")}`))));
  const turn = (asked += 1);
  try {
    const page = await read("/audit", { ...filter(), limit: PAGE });
    if (turn !== asked) return;
    $("[data-fault]").replaceChildren();
    showPage(page);
  } catch (error) {
    if (turn !== asked) return;
    showVerdict([t("audit.failed"), ""]);
    $("[data-fault]").replaceChildren(note(t("data.failed", { why: error.message }), t("list.retry"), show));
  }
}

function showPage({ items, next, verified }) {
  const people = new Set(items.map(({ who }) => who.name)).size;
  const loud = items.length ? t(next === null ? "audit.verdict" : "audit.verdict_more", { acts: t("audit.acts", { n: number(items.length) }, items.length), people: t("audit.people", { n: number(people) }, people) }) : t("audit.quiet");
  showVerdict([loud, t(`audit.period_${period.chosen}`)]);
  $("[data-acts]").replaceChildren(...(items.length ? pageOf(items, next) : [el("p", { class: "lede none" }, t("audit.none_found"))]));
  $("[data-chain]").replaceChildren(...(verified ? [glyph("s-done"), " ", t("audit.verified", { n: number(verified.number), at: moment(Date.parse(verified.at), now(), clock) })] : [t("audit.chain")]));
}

function pageOf(items, next) {
  const heads = [[t("audit.act")], [t("audit.who")], [t("audit.target"), "wide"], [t("audit.where"), "wide"], [t("audit.when"), "num"]];
  const drawn = table(t("audit.title"), heads, items.map(row));
  if (next === null) return [drawn];
  const more = el("p", { class: "links more" }, el("button", { type: "button", onclick: older }, t("audit.older")));
  async function older() {
    try {
      const page = await read("/audit", { ...filter(), before: next, limit: PAGE });
      more.replaceWith(...pageOf(page.items, page.next));
    } catch (error) {
      more.replaceWith(note(t("data.failed", { why: error.message }), t("list.retry"), older));
    }
  }
  return [drawn, more];
}

const whatWords = (what) => (knows(`audit.what.${what}`) ? t(`audit.what.${what}`) : what);

/** `décision 12`, `capteur eui-a84041ffff1b2c3d`. */
function targetWords(target) {
  const [sort, ...rest] = target.split(":");
  return knows(`audit.sort.${sort}`) ? [t(`audit.sort.${sort}`), rest.join(":")].filter(Boolean).join(" ") : target;
}

const row = (act) =>
  openingRow(
    [whatWords(act.what)],
    [
      el("td", {}, el("span", { class: "who" }, act.who.name || "–", el("span", { class: "quiet" }, t(`audit.by_${act.who.kind}`)))),
      el("td", { class: "wide wrap" }, targetWords(act.target)),
      el("td", { class: "wide" }, act.commune_insee ? names.get(act.commune_insee) ?? act.commune_insee : ""),
      el("td", { class: "num" }, el("time", { datetime: act.at }, moment(Date.parse(act.at), now(), clock))),
    ],
    () => [differenceOf(act.before, act.after), markOf(act)],
  );

/** Where the act stands in the chain, and where it came from. */
function markOf({ number: place, hash, target, who }) {
  const from = [who.address, who.agent].filter(Boolean).join(", ");
  return el("p", { class: "mark" }, [targetWords(target), from && t("audit.from", { from })].filter(Boolean).join(" · "), " · ", t("audit.number", { n: number(place) }), " · ", el("code", {}, hash.slice(0, 16)));
}

start();
