/** The sentence that answers the visitor's question, built from states alone. */

import { ago, number } from "./formats.js";
import { t } from "./words.js";

const NUMBERS = t("verdict.numbers").split(" ");
const TROUBLES = ["silent", "watch", "suspect"];

/** A count in letters up to sixteen, as prose has it. */
const count = (n) => NUMBERS[n] ?? number(n);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * The loud half and the quiet half.
 * @param {{total: number, silent: number, watch: number, suspect: number, normal: number}} states sensors by state
 * @param {{commune: string, waiting: number, newest: number | null}} about `waiting`: sensors that will be forecast and
 *   are not yet, so that nothing is expected of them; `newest`: age of the newest reading in milliseconds
 * @returns {[string, string]}
 */
export function supervision(states, { commune, waiting, newest }) {
  if (!states.total) return [t("verdict.empty", { commune }), t("verdict.empty_quiet")];
  if (states.silent === states.total) {
    return [t("verdict.all_silent"), newest === null ? "" : t("verdict.all_silent_since", { age: ago(newest) })];
  }
  const troubles = TROUBLES.filter((state) => states[state]);
  if (!troubles.length) {
    return waiting
      ? [t("verdict.all_waiting"), t("verdict.all_waiting_quiet", { count: capital(count(waiting)) }, waiting)]
      : [t("verdict.all_well"), t("verdict.count", { n: states.total })];
  }
  const named = troubles.map((state, place) =>
    t(place ? `verdict.then_${state}` : `verdict.${state}`, { count: count(states[state]) }, states[state]),
  );
  const rest = waiting ? t("verdict.rest_waiting", { count: count(waiting) }, waiting) : t("verdict.rest");
  return [`${capital(joined(named))}.`, states.normal ? rest : ""];
}

function joined(parts) {
  return parts.length < 3
    ? parts.join(t("verdict.comma"))
    : parts.slice(0, -1).join(t("verdict.comma")) + t("verdict.and") + parts.at(-1);
}

/**
 * What was refused, and who waits to be adopted; first of all a lane by which nothing comes in.
 * @param {{counts?: {reason: string, count: number}[], unknown?: number, lanes: {state: string}[]}} seen the most
 *   frequent reason first; what could not be read is absent
 */
export function donnees({ counts, unknown, lanes }) {
  const n = counts?.reduce((sum, row) => sum + row.count, 0);
  const refused = n ? t("verdict.data_some", { count: capital(count(n)), reason: t(`reason.${counts[0].reason}`) }, n) : counts ? t("verdict.data_none") : "";
  const troubled = ["silent", "late"].find((state) => lanes.some((lane) => lane.state === state));
  if (troubled) {
    const behind = lanes.filter(({ state }) => state === troubled).length;
    return [t(`verdict.lane_${troubled}`, { count: capital(count(behind)) }, behind), refused];
  }
  if (!refused) return [t("verdict.data_failed"), ""];
  if (unknown === undefined) return [refused, ""];
  return [refused, unknown ? t("verdict.data_unknown", { count: capital(count(unknown)) }, unknown) : t("verdict.data_known")];
}
