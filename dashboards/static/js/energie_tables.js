/** Figures and tables of a schedule: what it brings, what each asset does and when, the shed event, all quarters. */

import { now } from "./api.js";
import { Clock } from "./energie_plot.js";
import { el } from "./element.js";
import { moment, number, prose } from "./formats.js";
import { t } from "./words.js";

const WORTH_EUR = 0.5;

const unit = (text) => el("span", { class: "unit" }, text);

/** The row of figures. */
export function figureList({ figures, picture, actions, reasons }) {
  const figure = (name, value, of, under) => el("div", {}, el("dt", {}, name), el("dd", {}, value, " ", unit(of), el("span", { class: "d" }, under)));
  const peak = reasons.find(({ key }) => key.startsWith("peak_cut"))?.values.at;
  const at = moment(peak ? Date.parse(peak) : peakAt(picture), now());
  const wide = figures.saved_high_eur - figures.saved_low_eur > WORTH_EUR;
  const saved = wide
    ? t("energie.saved_hint", { low: number(figures.saved_low_eur), high: number(figures.saved_high_eur) })
    : t("energie.saved_hint_one", { cost: number(figures.baseline_cost_eur) });
  return [
    figure(t("energie.peak"), number(figures.peak_kw), "kW", t("energie.peak_hint", { kw: number(figures.baseline_peak_kw), at })),
    figure(t("energie.energy"), number(figures.energy_kwh), "kWh", t("energie.energy_hint", { kwh: number(figures.baseline_energy_kwh) })),
    figure(t("energie.saved"), number(figures.saved_eur, 2), "€", saved),
    figure(t("energie.shifted"), number(figures.shifted_kwh), "kWh", t("energie.shifted_hint", { n: actions.length })),
    picture.zone
      ? figure(t("energie.comfort"), number(figures.comfort_kh, 1), "K·h", t("energie.comfort_hint", { kh: number(figures.baseline_comfort_kh, 1) }))
      : figure(t("energie.marginal"), number(figures.marginal_high_eur_per_kwh, 2), "€/kWh", t("energie.marginal_hint", { low: number(figures.marginal_low_eur_per_kwh, 2), high: number(figures.marginal_high_eur_per_kwh, 2) })),
  ];
}

function peakAt(picture) {
  return new Clock(picture).at(picture.baseline_kw.indexOf(Math.max(...picture.baseline_kw)));
}

/** What each asset does, window by window. */
export function actionTable({ actions }) {
  if (!actions.length) return el("p", { class: "lede none" }, t("energie.none_to_do"));
  const row = ({ what, window, value, detail }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, moment(Date.parse(window.start), now()), " – ", prose(Date.parse(window.end))),
      el("td", {}, detail.name),
      el("td", {}, t(`energie.${what}`)),
      el("td", { class: "num" }, number(value, 1), " ", unit("kW")),
      el("td", { class: "num" }, number(detail.energy_kwh, 1), " ", unit("kWh")),
    );
  return table(["when", "asset", "act", "power", "energy_col"], actions.map(row), 3);
}

/** Every quarter of an hour. */
export function quarterTable({ picture }) {
  const clock = new Clock(picture);
  const cell = (value, digits) => el("td", { class: "num" }, number(value, digits));
  const rows = picture.planned_kw.map((planned, place) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, moment(clock.at(place), now())),
      cell(planned, 1),
      cell(picture.baseline_kw[place], 1),
      cell(picture.price_eur_per_kwh[place] * 100, 1),
      cell(picture.marginal_eur_per_kwh[place] * 100, 1),
    ),
  );
  return table(["time", "planned", "alone", "price", "marginal_col"], rows, 1);
}

function table(heads, rows, numbersFrom) {
  const head = (key, place) => el("th", { scope: "col", class: place >= numbersFrom ? "num" : null }, t(`energie.${key}`));
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map(head))), el("tbody", {}, ...rows));
}

/** The shed event: what was asked, what is answered, what is held. */
export function shedLine({ picture: { shed }, figures }) {
  const kw = number(shed.asked_kw, 1);
  const cost = figures.shed_cost_eur;
  const yes = cost >= 0.01 ? t("energie.shed_yes_hint", { cost: number(cost, 2) }) : t("energie.shed_yes_free");
  const item = (kind, name, loud, quiet) => el("li", { class: kind }, el("span", { class: "time" }, name), el("b", {}, loud), el("span", {}, quiet));
  const when = `${moment(Date.parse(shed.start), now())} – ${prose(Date.parse(shed.end))}`;
  return [
    item("done", t("energie.shed_asked"), `${kw} kW`, t("energie.shed_asked_hint", { kw })),
    shed.honoured
      ? item("cur", t("energie.shed_answer"), t("energie.shed_yes", { kw }), yes)
      : item("cur", t("energie.shed_answer"), t("energie.shed_no"), t("energie.shed_no_hint", { kw: number(shed.feasible_kw, 1) })),
    item("", when, t("energie.shed_event"), shed.honoured ? t("energie.shed_held", { kw }) : t("energie.shed_not")),
  ];
}
