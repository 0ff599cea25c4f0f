/** The view of ingestion: each lane's heartbeat, intakes under way and done, what was stored. */

import { now, read } from "./api.js";
import { ask } from "./dialog.js";
import { el, glyph } from "./element.js";
import { ago, minute, moment, number, prose } from "./formats.js";
import { cancelIntake, isOpen, outcomeWords, progress, stateWords, subjectWords } from "./intake.js";
import { dayTable, total } from "./reception.js";
import { may, mayIn } from "./rights.js";
import { table } from "./table.js";
import { t } from "./words.js";

const CUT = 10;
// What the API calls a long way for a heartbeat.
const LONG_S = 10;
const MARKS = { ok: "s-normal", late: "s-watch", silent: "s-silent" };
const $ = (selector) => document.querySelector(selector);

/** Read and draw the view; return the lanes, the worst first, null for whoever may not see them. */
export async function showIngest(about) {
  const operates = mayIn("operate");
  const [lanes, intakes, reception] = await Promise.all([
    operates ? read("/ingest") : null,
    read("/intakes", { limit: 50 }),
    read("/reception", { commune: about.commune.insee, minutes: 1440 }),
  ]);
  const worst = lanes && [...lanes.items].sort((a, b) => rank(b) - rank(a));
  $("[data-lanes]").closest("section").hidden = !worst;
  if (worst) $("[data-lanes]").replaceChildren(worst.length ? laneTable(worst) : el("p", { class: "lede none" }, t("ingest.no_lane")));
  $("[data-intakes]").replaceChildren(intakes.items.length ? intakeTable(intakes.items, about) : el("p", { class: "lede none" }, t("intake.none")));
  $("[data-reception]").replaceChildren(total(reception.items) ? dayTable(reception.items) : el("p", { class: "lede none" }, t("reception.none")));
  return { lanes: worst, open: intakes.items.filter(isOpen).length };
}

const rank = ({ state }) => Object.keys(MARKS).indexOf(state);

/** `0,4 s`, `42 s`: how long a message of ours took the whole way. */
const latency = (seconds) => t("ingest.seconds", { n: number(seconds, seconds < 10 ? 1 : 0) });

/** What is wrong with a lane and what to do; null when nothing is. */
export function laneNote({ lane, state, last_heartbeat_at: last, latency_s: late }) {
  if (state === "ok") return null;
  // Late is either a heartbeat that took long, or one that should have come since.
  const words = state === "silent" ? "silent_note" : late > LONG_S ? "late_note" : "missed_note";
  const values = { lane, at: moment(Date.parse(last), now(), prose), late: latency(late) };
  return el("p", { class: `note ${state === "late" ? "watch" : "alarm"}`, role: "alert" }, el("span", {}, el("strong", {}, t(`ingest.${words}_what`, values)), " ", t(`ingest.${words}_do`, values)));
}

function laneTable(lanes) {
  const heads = [[t("ingest.lane")], [t("ingest.state")], [t("ingest.latency"), "num"], [t("ingest.heard"), "num"]];
  const rows = lanes.map(({ lane, state, latency_s: late, last_heartbeat_at: last }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, lane),
      el("td", {}, el("span", { class: "state" }, glyph(MARKS[state]), t(`ingest.is_${state}`))),
      el("td", { class: "num" }, latency(late)),
      el("td", { class: "num" }, ago(Math.max(0, now() - Date.parse(last)))),
    ),
  );
  return table(t("ingest.lanes"), heads, rows);
}

function intakeTable(intakes, about) {
  const heads = [[t("intake.what")], [t("intake.asked_by"), "wide"], [t("intake.outcome")], [""]];
  const rows = intakes.map((intake) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "who" }, t(`intake.kind_${intake.kind}`), el("span", { class: "quiet" }, subjectWords(intake)))),
      el("td", { class: "wide" }, el("span", { class: "who" }, intake.author, el("span", { class: "quiet" }, moment(Date.parse(intake.asked_at), now(), minute)))),
      el("td", {}, progress(intake)),
      el("td", { class: "act" }, isOpen(intake) && may("tend", intake.arguments.commune ?? null) ? cancelButton(intake, about) : ""),
    ),
  );
  return table(t("intake.title"), heads, rows, { cut: CUT });
}

function cancelButton(intake, about) {
  const named = t("intake.cancel_named", { kind: t(`intake.kind_${intake.kind}`), what: subjectWords(intake) });
  const stop = () =>
    ask({
      title: t("intake.cancel_title"),
      body: [el("p", { class: "lede" }, t("intake.cancel_lede", { done: intake.counts.messages ? outcomeWords(intake) : stateWords(intake) }))],
      label: t("intake.stop"),
      act: async () => {
        await cancelIntake(intake);
        about.again();
      },
    });
  return el("button", { class: "btn", type: "button", "aria-label": named, onclick: stop }, t("intake.stop"));
}
