/** The round's tables: against other choices, trucks, stops in order, bins left for later. */

import { figureText, phraseText, valueText } from "./decision.js";
import { el, glyph, svg } from "./element.js";
import { minute, number } from "./formats.js";
import { category } from "./tournees_map.js";
import { t } from "./words.js";

const COMPARED = ["distance_km", "duration_h", "bins", "fill_ratio", "overflows", "cost_eur"];
const FIRST_LEFT = 8;

const head = (text, attributes = {}) => el("th", { scope: "col", ...attributes }, text);
const num = (text, extra = "") => el("td", { class: `num ${extra}`.trim() }, text);
const at = (instant) => minute(Date.parse(instant));

/** A share on a line, with its figure beside it. */
function share(ratio, kind = "") {
  const bar = el("i");
  bar.style.width = `${Math.min(100, Math.round(ratio * 100))}%`;
  return [el("span", { class: `ratio ${kind}`.trim(), "aria-hidden": "true" }, bar), ` ${valueText("fill_ratio", ratio)}`];
}

export function compareTable({ figures, alternatives }) {
  const of = (name) => alternatives.find((other) => other.name === name)?.figures;
  const [fixed, threshold] = [of("fixed"), of("threshold")];
  const text = (name, one) => (one?.bins || ["overflows", "bins"].includes(name) ? figureText(name, one?.[name] ?? null) : "–");
  const rows = COMPARED.map((name) =>
    el("tr", {}, el("th", { scope: "row" }, t(`decision.round.figure.${name}`)), num(text(name, figures), "own"), num(text(name, fixed), "quiet"), num(gap(name, figures, fixed)), num(text(name, threshold), "quiet wide")),
  );
  const heads = [head(el("span", { class: "vh" }, t("tournees.figures"))), ...["proposed", "fixed", "gap"].map((key) => head(t(`tournees.${key}`), { class: "num" })), head(t("tournees.threshold"), { class: "num wide" })];
  return el("table", {}, el("caption", { class: "vh" }, t("tournees.compare")), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}

/** What the proposal has more or less than the fixed round. */
function gap(name, own, fixed) {
  if (!fixed?.bins || !own.bins) return "–";
  const difference = own[name] - fixed[name];
  const sign = difference > 0 ? "+" : "";
  if (name === "fill_ratio") return t("tournees.points", { n: sign + number(difference * 100) });
  if (name === "overflows" || name === "bins") return sign + number(difference, name === "bins" ? 0 : 1);
  const share_ = (100 * difference) / fixed[name];
  return `${sign}${number(share_)}\u00a0%`;
}

export function truckTable({ trucks }, chosen, choose) {
  const from = Math.min(...trucks.map(({ shift }) => Date.parse(shift.start)));
  const until = Math.max(...trucks.map(({ shift }) => Date.parse(shift.end)));
  const heads = [
    head(t("tournees.truck")), head(t("tournees.stops"), { class: "num" }), head(t("tournees.km_short"), { class: "num" }), head(t("tournees.departure"), { class: "num" }), head(t("tournees.return"), { class: "num" }),
    head(el("span", { class: "ghead" }, el("i", {}, minute(from)), el("i", {}, minute(until))), { class: "wide", "aria-label": t("tournees.course") }),
    head(t("tournees.load"), { class: "num" }), head(t("tournees.of_capacity"), { class: "wide" }),
  ];
  const row = (truck, index) =>
    el(
      "tr",
      truck.code === chosen ? { "aria-current": "true" } : {},
      el("th", { scope: "row" }, el("span", { class: "state" }, keyOf(index), el("a", { href: "#stops", onclick: () => choose(truck.code) }, truck.name))),
      num(number(truck.stops)), num(number(truck.distance_km, 1)), num(at(truck.start)), num(at(truck.end)),
      el("td", { class: "wide" }, course(truck, from, until)),
      num(`${number(truck.load_kg)}\u00a0kg`), el("td", { class: "wide nb" }, ...share(truck.load_ratio)),
    );
  return el("table", {}, el("caption", { class: "vh" }, t("tournees.trucks")), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...trucks.map(row)));
}

const keyOf = (index) => svg("svg", { class: "key-run", viewBox: "0 0 28 8", "aria-hidden": "true" }, svg("path", { class: category(index), d: "M0 4h28" }));

function course(truck, from, until) {
  const share_ = (instant) => `${(100 * (Date.parse(instant) - from)) / (until - from)}%`;
  const out = el("i");
  out.style.left = share_(truck.start);
  out.style.right = `${(100 * (until - Date.parse(truck.end))) / (until - from)}%`;
  const marks = truck.unloadings.map((instant) => {
    const mark = el("u");
    mark.style.left = share_(instant);
    return mark;
  });
  const words = { start: at(truck.start), end: at(truck.end), unloadings: truck.unloadings.map(at).join(", ") };
  return el("span", { class: "gantt", role: "img", "aria-label": t("tournees.course_label", words) }, out, ...marks);
}

export function stopTable(picture, truck) {
  const own = picture.stops.filter((stop) => stop.truck === truck.code);
  const heads = [
    head(t("tournees.order"), { class: "num" }), head(t("tournees.bin")), head(t("tournees.filled")), head(t("tournees.risk"), { class: "num" }),
    head(t("tournees.why")), head(t("tournees.arrival"), { class: "num" }), head(t("tournees.kg"), { class: "num wide" }), head(t("tournees.done"), { class: "print" }),
  ];
  const rows = own.flatMap((stop) => {
    const emptying = truck.unloaded_after.indexOf(stop.order);
    return [stopRow(stop), emptying >= 0 && unloadRow(picture.unloading, truck.unloadings[emptying])].filter(Boolean);
  });
  return el("table", { class: "stops" }, el("caption", {}, t("tournees.caption", { truck: truck.name })), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}

function stopRow(stop) {
  const assumed = stop.source === "silent";
  const filled = stop.fill_ratio === null ? ["–"] : share(stop.fill_ratio, assumed ? "est" : "");
  return el(
    "tr",
    {},
    num(String(stop.order), "quiet"),
    el("th", { scope: "row" }, stop.name),
    el("td", { class: "nb filled" }, ...filled),
    num(stop.probability === null ? "–" : valueText("probability", stop.probability), "risk"),
    el("td", { class: "motive" }, assumed ? glyph("s-silent", t("tournees.silent")) : null, assumed ? " " : null, phraseText(stop.reason, "round")),
    num(at(stop.arrive), "arrival"),
    num(stop.kg === null ? "" : number(stop.kg), "wide quiet"),
    el("td", { class: "print box" }),
  );
}

const unloadRow = (site, instant) =>
  el("tr", { class: "unload" }, num(""), el("th", { scope: "row" }, t("tournees.unload_row", { site: site.name })), el("td"), el("td"), el("td", { class: "motive" }), num(at(instant), "arrival"), el("td", { class: "wide" }), el("td", { class: "print" }));

/** Bins left for later; the first ones, or all. */
export function leftTable(bins, all) {
  const shown = all ? bins : bins.slice(0, FIRST_LEFT);
  const row = (bin) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, bin.name, el("div", { class: "motive" }, phraseText(bin.reason, "round"))),
      num(bin.fill_ratio === null ? "–" : valueText("fill_ratio", bin.fill_ratio)),
      num(bin.probability === null ? "–" : valueText("probability", bin.probability)),
    );
  const heads = [head(t("tournees.bin")), head(t("tournees.filled"), { class: "num" }), head(t("tournees.risk"), { class: "num" })];
  return el("table", { class: "left" }, el("caption", { class: "vh" }, t("tournees.left_caption")), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...shown.map(row)));
}

/** Whether there are more bins than are shown at first. */
export const hasMore = (bins) => bins.length > FIRST_LEFT;
