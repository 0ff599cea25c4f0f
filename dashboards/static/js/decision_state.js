/** Where a decision stands, in one line: what it waits for, or who answered. */

import { now } from "./api.js";
import { moment } from "./formats.js";
import { phraseText } from "./decision_words.js";
import { knows, t } from "./words.js";

const OPEN = ["proposed", "edited"];
const PLATFORM = "vigie";

const instant = (text) => moment(Date.parse(text), now());
const who = (name) => (name === PLATFORM ? t("decision.common.platform") : name);

/** Whether a person may still answer it. */
export const isOpen = (decision, at) => OPEN.includes(decision.state) && at <= Date.parse(decision.answer_by);

/** What stands in the bar: the loud line, and the quiet one under it. */
export function headOf(decision, at) {
  const headline = phraseText(decision.headline, decision.kind);
  if (decision.soundness === "impossible" && decision.state === "proposed") return [t("decision.common.impossible"), headline];
  if (!OPEN.includes(decision.state)) return [answered(decision), headline];
  const until = instant(decision.answer_by);
  if (!isOpen(decision, at)) return [t("decision.common.late", { made: instant(decision.made_at), until }), unansweredText(decision)];
  const head =
    decision.state === "edited"
      ? t("decision.common.edited", { by: decision.answers.at(-1)?.by ?? "", until })
      : t("decision.common.proposed", { made: instant(decision.made_at), until });
  const care = decision.soundness === "degraded" ? `${t("decision.common.degraded")} ` : "";
  return [head, `${care}${unansweredText(decision)}`];
}

/** What happens without an answer, in the kind's own words where it has them. */
function unansweredText(decision) {
  const own = `decision.${decision.kind}.unanswered`;
  return knows(own) ? t(own) : t("decision.common.unanswered");
}

function answered(decision) {
  const last = decision.answers.at(-1);
  return t(`decision.common.${decision.state}`, last ? { by: who(last.by), at: instant(last.at) } : {});
}

/** One answer of its life: when, and what was done by whom. */
export function answerLine(answer) {
  return [instant(answer.at), `${t(`decision.common.state.${answer.state}`)}, ${who(answer.by)}`];
}
