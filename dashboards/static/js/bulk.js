/** A list of sensors from a file: checked line by line first, then applied whole or not at all. */

import { sendCsv } from "./api.js";
import { download } from "./csv.js";
import { ask, line } from "./dialog.js";
import { el, glyph } from "./element.js";
import { number } from "./formats.js";
import { changedWords } from "./sensor_history.js";
import { table } from "./table.js";
import { t } from "./words.js";

const BYTES_MAX = 4 * 1024 * 1024;
const SHOWN = 100;
const STEPS = ["adopt", "edit", "unchanged", "error"];
const HEADS = "external_id;kind;name;commune;site;model;interval_s;longitude;latitude";
const SAMPLE = "0018b20000001234;indoor_air;Salle 12;93051;ecole-tilleuls;;600;2,5486;48,8484";

/** Ask for a file; `done` is told in words once it was applied. */
export function askBulk(done) {
  const file = el("input", { type: "file", name: "file", accept: ".csv,text/csv", required: true, onchange: check });
  const plan = el("div", { class: "plan", "aria-live": "polite" });
  const sample = el("button", { type: "button", onclick: () => download(`\ufeff${HEADS}\r\n${SAMPLE}\r\n`, "capteurs.csv") }, t("bulk.sample"));
  let text = null;
  const dialog = ask({
    title: t("bulk.title"),
    kind: "large",
    body: [el("p", { class: "lede" }, t("bulk.lede")), line(t("bulk.file"), file), el("p", { class: "links" }, sample), plan],
    label: t("bulk.apply"),
    act: async () => {
      const { counts } = await sendCsv("/sensors/bulk", {}, text);
      done(t("bulk.done", { adopted: number(counts.adopt), edited: number(counts.edit) }));
    },
  });
  const apply = dialog.querySelector("[type=submit]");
  apply.disabled = true;

  /** What the file would do; nothing is written. */
  async function check() {
    apply.disabled = true;
    const [chosen] = file.files;
    if (!chosen) return plan.replaceChildren();
    plan.replaceChildren(el("p", { class: "quiet" }, t("bulk.checking")));
    try {
      if (chosen.size > BYTES_MAX) throw new Error(t("bulk.too_large"));
      text = await chosen.text();
      const planned = await sendCsv("/sensors/bulk", { dry_run: true }, text);
      plan.replaceChildren(...planParts(planned));
      apply.disabled = planned.counts.error > 0 || planned.counts.adopt + planned.counts.edit === 0;
    } catch (error) {
      plan.replaceChildren(el("p", { class: "note alarm", role: "alert" }, t("bulk.failed", { why: error.message })));
    }
  }
}

/** The figures of the plan, what they mean, and its lines, wrong ones first. */
function planParts({ counts, lines }) {
  const told = lines.filter(({ step }) => step !== "unchanged").sort((a, b) => (b.step === "error") - (a.step === "error") || a.line - b.line);
  return [
    el("dl", { class: "figs" }, ...STEPS.map((step) => figure(step, counts[step]))),
    el("p", { class: counts.error ? "t-alarm" : "quiet" }, verdict(counts)),
    told.length ? el("div", { class: "scroll table", tabindex: "0" }, table(t("bulk.lines"), heads(), told.slice(0, SHOWN).map(planned))) : "",
    told.length > SHOWN ? el("p", { class: "small quiet" }, t("bulk.rest", { n: number(told.length - SHOWN) }, told.length - SHOWN)) : "",
  ];
}

const heads = () => [[t("bulk.line"), "num"], [t("sensor.identifier")], [t("bulk.step")], [t("bulk.detail")]];
const figure = (step, n) => el("div", {}, el("dt", {}, step === "error" && n ? glyph("s-alarm") : "", t(`bulk.${step}`)), el("dd", { class: n ? null : "lo" }, number(n)));

function verdict({ adopt, edit, error }) {
  if (error) return t("bulk.wrong", { n: number(error) }, error);
  return t(adopt + edit ? "bulk.right" : "bulk.nothing");
}

const planned = ({ line: place, external_id: id, step, before, after, errors }) =>
  el(
    "tr",
    {},
    el("td", { class: "num quiet" }, number(place)),
    el("th", { scope: "row" }, el("code", {}, id)),
    el("td", {}, el("span", { class: "state" }, step === "error" ? glyph("s-alarm") : "", t(`bulk.is_${step}`))),
    el("td", { class: "wrap" }, ...detail(step, { before, after, errors })),
  );

/** What is wrong, column by column; or what a line changes. */
function detail(step, { before, after, errors }) {
  if (step === "error") return errors.map((error) => el("span", { class: "who" }, t("bulk.fault", { column: error.column, what: t(`bulk.fault_${error.fault}`) }), el("span", { class: "quiet", lang: "en" }, error.detail)));
  return [el("span", { class: "quiet" }, step === "adopt" ? [after.name, after.site_name].join(", ") : changedWords(before, after))];
}
