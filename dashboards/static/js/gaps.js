/** The view of LoRaWAN frames: received, missing, back-filled by sensor; its gaps; fetching them back. */

import { now, read } from "./api.js";
import { ask, line } from "./dialog.js";
import { el } from "./element.js";
import { minute, moment, number, span } from "./formats.js";
import { askIntake, follow, isOpen, progress, redraw } from "./intake.js";
import { fromField, toField } from "./paris.js";
import { Period } from "./period.js";
import { may } from "./rights.js";
import { sensorPage } from "./sensor_page.js";
import { figureCell, openingRow, table } from "./table.js";
import { t } from "./words.js";

const CUT = 20;
const APPLICATION = "vigie.application";
// As The Things Stack writes the ids of applications, with the tenant where there is one.
const APPLICATION_FORM = "[a-z0-9](-?[a-z0-9]){2,}(@[a-z0-9\\-]+)?";
const $ = (selector) => document.querySelector(selector);
const period = new Period("frames", ["24h", "7d", "30d"], "7d");
// Back-fills that a person asked here, by sensor.
const backfills = new Map();

/** Read and draw the view; return how many frames are missing, of how many sensors, and over which period. */
export async function showGaps(about) {
  const until = now();
  const window = { since: new Date(period.since(until)).toISOString(), until: new Date(until).toISOString() };
  const { items } = await read("/gaps", { commune: about.commune.insee, ...window });
  const worst = [...items].sort((a, b) => b.missing - a.missing || a.name.localeCompare(b.name, "fr", { numeric: true }));
  period.show($("[data-frames-since]"), about.again);
  $("[data-gaps]").replaceChildren(worst.length ? gapTable(worst, { ...about, window }) : el("p", { class: "lede none" }, t("gaps.no_lorawan")));
  $("[data-gaps-legend]").hidden = !worst.length;
  return { missing: items.reduce((sum, item) => sum + item.missing, 0), sensors: items.filter((item) => item.missing).length, heard: items.length, period: period.chosen };
}

const at = (text) => moment(Date.parse(text), now(), minute);

function gapTable(items, view) {
  const heads = [[t("gaps.sensor")], [t("gaps.frames"), "bars"], [t("gaps.received"), "num wide"], [t("gaps.backfilled"), "num wide"], [t("gaps.missing"), "num"], [t("gaps.last"), "num wide"], [""]];
  const rows = items.map((item) =>
    openingRow(
      [el("span", { class: "who" }, item.name, el("code", { class: "quiet wide" }, item.external_id))],
      [
        el("td", { class: "bars" }, bar(item)),
        figureCell(item.received, "num wide"),
        figureCell(item.backfilled, "num wide"),
        el("td", { class: item.missing ? "num strong" : "num quiet" }, number(item.missing)),
        el("td", { class: "num wide" }, at(item.last_frame_at)),
        el("td", { class: "act" }, fetchBack(item, view)),
      ],
      () => gapList(item, view),
      { href: sensorPage(item.sensor_id, view.commune.insee), label: item.name },
    ),
  );
  return table(t("gaps.title"), heads, rows, { cut: CUT });
}

/** Received, back-filled and missing as parts of what should have come. */
function bar({ received, backfilled, missing }) {
  const whole = received + backfilled + missing || 1;
  const part = (kind, n) => {
    const piece = el("i", { class: kind });
    piece.style.width = `${(100 * n) / whole}%`;
    return n ? piece : null;
  };
  const words = t("gaps.bar", { received: number(received), backfilled: number(backfilled), missing: number(missing) });
  return el("span", { class: "parts", role: "img", "aria-label": words }, part("got", received), part("back", backfilled), part("miss", missing));
}

/** The gaps of one sensor, the newest first, and what else its counters tell. */
async function gapList(item, { window }) {
  const { items } = await read(`/sensors/${item.sensor_id}/gaps`, window);
  const told = [item.resets && t("gaps.resets", { n: item.resets }), item.joins && t("gaps.joins", { n: item.joins })].filter(Boolean);
  const heads = [[t("gaps.between")], [t("gaps.lasted"), "num"], [t("gaps.counters"), "num wide"], [t("gaps.missing"), "num"]];
  const rows = items.map((gap) =>
    el(
      "tr",
      {},
      el("td", {}, t("gaps.from_to", { after: at(gap.after_at), before: at(gap.before_at) })),
      el("td", { class: "num" }, span(Date.parse(gap.before_at) - Date.parse(gap.after_at))),
      el("td", { class: "num wide quiet" }, gap.first_f_cnt === gap.last_f_cnt ? String(gap.first_f_cnt) : t("gaps.range", { first: gap.first_f_cnt, last: gap.last_f_cnt })),
      figureCell(gap.missing),
    ),
  );
  return [
    rows.length ? table(t("gaps.list", { name: item.name }), heads, rows, { cut: CUT }) : el("p", { class: "lede none" }, t("gaps.none")),
    told.length ? el("p", { class: "small quiet" }, told.join(" · ")) : "",
  ];
}

/** Fetching back what a sensor misses, or how that stands. */
function fetchBack(item, view) {
  const cell = el("span", { class: "replay", "aria-live": "polite", tabindex: "-1" });
  const draw = () => {
    const intake = backfills.get(item.sensor_id);
    const button = el("button", { class: "btn", type: "button", "aria-label": t("gaps.fetch_named", { name: item.name }), onclick: () => askBack(item, view, draw) }, t("gaps.fetch"));
    redraw(cell, [intake ? progress(intake) : null, (intake && isOpen(intake)) || !item.missing || !may("tend", view.commune.insee) ? null : button].filter(Boolean));
  };
  draw();
  return cell;
}

function askBack(item, view, draw) {
  const application = el("input", { name: "application", required: true, maxlength: 100, value: kept(), pattern: APPLICATION_FORM, spellcheck: "false", autocapitalize: "none" });
  const instant = (name, text) => el("input", { type: "datetime-local", name, required: true, value: toField(Date.parse(text)) });
  ask({
    title: t("gaps.fetch_title", { name: item.name }),
    body: [
      el("p", { class: "lede" }, t("gaps.fetch_lede", { n: number(item.missing) }, item.missing)),
      line(t("gaps.application"), application, t("gaps.application_hint")),
      el("div", { class: "pair" }, line(t("gaps.since"), instant("since", view.window.since)), line(t("gaps.until"), instant("until", view.window.until))),
    ],
    label: t("gaps.fetch"),
    act: async (form) => {
      const [since, until] = ["since", "until"].map((name) => new Date(fromField(form.get(name))).toISOString());
      const given = form.get("application").trim();
      const intake = await askIntake({ kind: "backfill", application: given, external_id: item.external_id, since, until });
      keep(given);
      followBack(item, intake, view, draw);
    },
  });
}

async function followBack(item, intake, view, draw) {
  try {
    await follow(intake, (seen) => {
      backfills.set(item.sensor_id, seen);
      draw();
    });
    view.settle();
  } catch (error) {
    backfills.delete(item.sensor_id);
    view.failed(error);
  }
}

function kept() {
  try {
    return localStorage.getItem(APPLICATION) ?? "";
  } catch {
    return "";
  }
}

function keep(application) {
  try {
    localStorage.setItem(APPLICATION, application);
  } catch {
    // A browser that keeps nothing asks again.
  }
}
