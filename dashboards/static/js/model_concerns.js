/** What people doubt about a model: said by anybody who is let in, kept under their name, listed for all. */

import { now, read, send } from "./api.js";
import { ask, line } from "./dialog.js";
import { el, glyph } from "./element.js";
import { minute, moment, number } from "./formats.js";
import { metricWords } from "./model_words.js";
import { t } from "./words.js";

const SAID_MAX = 2000;

/** Read and draw the view; return its figure. */
export async function showConcerns({ item: { champion } }, part) {
  const { items } = champion ? await read(`/models/${champion.model_id}/concerns`) : { items: [] };
  part("doubts").replaceChildren(items.length ? el("ol", { class: "journal doubts" }, ...items.map(concern)) : el("p", { class: "lede none" }, t("models.no_doubt")));
  return { value: number(items.length), mark: items.length ? glyph("s-suspect") : null, under: t("models.doubts_said", {}, items.length) };
}

const concern = ({ said_at: at, by, said }) => el("li", {}, el("time", { datetime: at }, moment(Date.parse(at), now(), minute)), el("div", {}, el("strong", {}, by), el("p", {}, said)));

/** Ask what somebody doubts about the model that speaks. */
export function askConcern(about) {
  const { metric, champion } = about.item;
  const said = el("textarea", { name: "said", rows: 5, required: true, maxlength: SAID_MAX, placeholder: t("models.doubt_hint") });
  ask({
    title: t("models.doubt_title", { metric: metricWords(metric) }),
    body: [el("p", { class: "lede" }, t("models.doubt_lede")), line(t("models.doubt_what"), said)],
    label: t("models.doubt_send"),
    act: async () => {
      await send(`/models/${champion.model_id}/concerns`, { said: said.value.trim() });
      about.tell(t("models.doubt_kept"));
      await about.show("concerns");
    },
  });
}
