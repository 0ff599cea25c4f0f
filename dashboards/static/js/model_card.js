/** The card of a model, made from the facts, in either language; printed, it is the page of the public register. */

import { now, read } from "./api.js";
import { choices } from "./choice.js";
import { el } from "./element.js";
import { date } from "./formats.js";
import { get, put } from "./url.js";
import { language, t } from "./words.js";

const LANGUAGES = [["fr", "Français"], ["en", "English"]];
const inLanguage = () => LANGUAGES.map(([code]) => code).find((code) => code === get("card")) ?? language;

/** Read and draw the view; return its figure. */
export async function showCard(about, part) {
  const { champion } = about.item;
  if (!champion) {
    part("card").replaceChildren(el("p", { class: "lede none" }, t("models.no_card")));
    return { value: "–", under: t("models.sub_no_model") };
  }
  const code = inLanguage();
  const { title, sections } = await read(`/models/${champion.model_id}/card`, { language: code });
  part("card").replaceChildren(tools(about, code), el("div", { lang: code, class: "sheet-of" }, el("h2", {}, title), el("p", { class: "print small", lang: language }, t("models.printed", { at: date(now()) })), ...sections.map(section)));
  return { value: LANGUAGES.map(([one]) => one.toUpperCase()).join("\u00a0/\u00a0"), under: t("models.card_under") };
}

function tools(about, code) {
  const box = el("div", { class: "seg", role: "group", "aria-label": t("models.card_language") });
  choices(box, LANGUAGES, code, (chosen) => {
    put({ card: chosen === language ? "" : chosen });
    about.show("card");
  });
  for (const [place, [name]] of LANGUAGES.entries()) box.children[place].lang = name;
  return el("div", { class: "acts" }, box, el("button", { class: "btn", type: "button", onclick: () => print() }, t("models.print")));
}

function section({ heading, paragraphs, rows }) {
  const facts = rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "wrap" }, value)));
  return el(
    "section",
    {},
    el("h3", {}, heading),
    ...paragraphs.map((text) => el("p", {}, text)),
    facts.length ? el("table", {}, el("caption", { class: "vh" }, heading), el("tbody", {}, ...facts)) : null,
  );
}
