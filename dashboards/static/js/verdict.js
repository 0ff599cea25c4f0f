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
 * @param {{commune: string, waiting: number, newest: number | null, alarms?: import("./alarms.js").AlarmBook}} about
 *   `waiting`: sensors that will be forecast and are not yet, so that nothing is expected of them; `newest`: age of the
 *   newest reading in milliseconds; `alarms`: what is open
 * @returns {[string, string]}
 */
export function supervision(states, { commune, waiting, newest, alarms = null }) {
  if (!states.total) return [t("verdict.empty", { commune }), t("verdict.empty_quiet")];
  if (states.silent === states.total) {
    return [t("verdict.all_silent"), newest === null ? "" : t("verdict.all_silent_since", { age: ago(newest) })];
  }
  const loud = alarms && alarmSentence(alarms);
  if (loud) return [loud, elsewhere({ ...states, silent: Math.max(0, states.silent - alarms.behindGateways) }, waiting)];
  const troubles = TROUBLES.filter((state) => states[state]);
  if (!troubles.length) {
    return waiting
      ? [t("verdict.all_waiting"), t("verdict.all_waiting_quiet", { count: capital(count(waiting)) }, waiting)]
      : [t("verdict.all_well"), t("verdict.count", { n: states.total })];
  }
  const rest = waiting ? t("verdict.rest_waiting", { count: count(waiting) }, waiting) : t("verdict.rest");
  return [`${capital(joined(named(states, troubles)))}.`, states.normal ? rest : ""];
}

/** The troubles of sensors, the first with its noun. */
const named = (states, troubles) =>
  troubles.map((state, place) => t(place ? `verdict.then_${state}` : `verdict.${state}`, { count: count(states[state]) }, states[state]));

/** `Trois alarmes à traiter, et une passerelle qui tait huit capteurs.`; "" where no alarm asks for anybody. `where`: ` dans deux communes` */
function alarmSentence({ toTreat, gateways, behindGateways }, where = "") {
  const inQueue = new Set(toTreat);
  const aside = gateways.filter((alarm) => !inQueue.has(alarm));
  const behind = aside.reduce((sum, { members }) => sum + members, 0);
  const gateway = aside.length ? t("supervision.verdict_gateways", { gateways: t("supervision.verdict_gateway", { count: feminine(aside.length) }, aside.length), sensors: t("supervision.verdict_sensors", { count: count(behind) }, behind) }, aside.length) : "";
  const n = toTreat.length;
  if (!n) return gateway && `${capital(gateway)}.`;
  const inside = gateways.length > aside.length ? t("supervision.verdict_inside", { sensors: t("supervision.verdict_sensors", { count: count(behindGateways - behind) }, behindGateways - behind) }) : "";
  const first = t("supervision.verdict_alarms", { count: feminine(n) }, n) + where + inside;
  return `${capital(gateway ? t("supervision.verdict_and", { first, then: gateway }) : first)}.`;
}

/** A count of what is feminine in French: `une alarme`. */
const feminine = (n) => (n === 1 ? t("supervision.one_feminine") : count(n));

/** What else is not as it should be, quietly; never that all is well where something is not. */
function elsewhere(states, waiting = 0) {
  const troubles = TROUBLES.filter((state) => states[state]);
  if (troubles.length) return t("supervision.verdict_elsewhere", { states: joined(named(states, troubles)) });
  return waiting ? t("verdict.rest_waiting", { count: count(waiting) }, waiting) : t("verdict.rest");
}

/**
 * The same of all communes that a person sees.
 * @param {{total: number, silent: number, watch: number, suspect: number}} states sensors by state
 * @param {{communes: object[], alarms: import("./alarms.js").AlarmBook}} about
 * @returns {[string, string]}
 */
export function metropole(states, { communes, alarms }) {
  if (!communes.length) return [t("supervision.verdict_no_commune"), t("verdict.empty_quiet")];
  const places = new Set(alarms.toTreat.map(({ commune_insee: insee }) => insee)).size;
  const n = alarms.toTreat.length;
  const loud = alarmSentence(alarms, n ? t("supervision.verdict_in", { count: feminine(places) }, places) : "");
  const rest = elsewhere({ ...states, silent: Math.max(0, states.silent - alarms.behindGateways) });
  if (loud) return [loud, rest];
  if (TROUBLES.some((state) => states[state])) return supervision({ ...states }, { commune: "", waiting: 0, newest: null });
  return [t("verdict.all_well"), t("supervision.verdict_followed", { n: number(states.total), communes: t("supervision.communes", { n: communes.length }) }, states.total)];
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
