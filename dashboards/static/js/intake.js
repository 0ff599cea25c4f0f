/** Intakes: asking one, following it, and saying what became of its messages. */

import { read, send } from "./api.js";
import { el } from "./element.js";
import { number } from "./formats.js";
import { share } from "./spark.js";
import { t } from "./words.js";

const PACE_MS = 1000;
const ABSENT_MS = 5000;
const ABSENT_MAX = 60;
const OUTCOMES = ["stored", "duplicate", "rejected", "aside"];

export const askIntake = (body) => send("/intakes", body);
export const cancelIntake = (intake) => send(`/intakes/${intake.intake_id}/cancel`, {});

/** Whether it still waits or runs. */
export const isOpen = (intake) => intake.ended_at === null;

/**
 * Read an intake until it ends; five minutes without an answer give up.
 * @param {object} intake
 * @param {(intake: object) => void} tell called with each new state, the last one too
 */
export async function follow(intake, tell) {
  let absent = 0;
  for (let seen = intake; ; ) {
    tell(seen);
    if (!isOpen(seen)) return seen;
    await new Promise((done) => setTimeout(done, absent ? ABSENT_MS : PACE_MS));
    try {
      seen = await read(`/intakes/${intake.intake_id}`);
      absent = 0;
    } catch (error) {
      absent += 1;
      if (absent > ABSENT_MAX || (error.status && error.status < 500)) throw error;
    }
  }
}

/** `120 enregistrés, 3 toujours refusés`; what is none goes unsaid. */
export function outcomeWords({ kind, counts }) {
  const words = OUTCOMES.filter((outcome) => counts[outcome]).map((outcome) => {
    const still = kind === "replay" && outcome === "rejected" ? "still_rejected" : outcome;
    return t(`intake.${still}`, { n: number(counts[outcome]) }, counts[outcome]);
  });
  return words.join(", ") || t("intake.nothing");
}

/** How it stands, in words. */
export function stateWords(intake) {
  if (intake.state === "done") return outcomeWords(intake);
  if (intake.state === "failed") return t("intake.failed", { why: intake.detail });
  if (intake.state === "cancelled") return t("intake.cancelled", { done: outcomeWords(intake) });
  if (intake.state === "asked") return t("intake.asked");
  const n = number(intake.counts.messages);
  return intake.total === null ? t("intake.running", { n }, intake.counts.messages) : t("intake.running_of", { n, total: number(intake.total) }, intake.total);
}

/** How it stands, drawn and said. */
export function progress(intake) {
  const bar = isOpen(intake) && intake.total ? share(intake.counts.messages / intake.total) : null;
  return el("span", { class: `state wrap ${intake.state === "failed" ? "t-alarm" : ""}` }, bar, stateWords(intake));
}

/** Write what stands in a cell anew; a keyboard that stood in it stays in it. */
export function redraw(cell, parts) {
  const held = cell.contains(document.activeElement);
  cell.replaceChildren(...parts);
  if (held) cell.focus();
}

/** What it takes in, in words: a reason and a sensor, an application, a file. */
export function subjectWords({ kind, arguments: given }) {
  const parts = {
    replay: [given.reason && t(`reason.${given.reason}`), given.external_id],
    backfill: [given.application, given.external_id],
    import: [given.file],
  }[kind].filter(Boolean);
  return parts.join(", ") || t("intake.everything");
}

