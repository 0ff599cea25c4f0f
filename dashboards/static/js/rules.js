/** The view of rules: what raises an alarm, by whose figures, where; switched off and on, changed, tried, added. */

import { now, read, withdraw } from "./api.js";
import { ask } from "./dialog.js";
import { el, glyph } from "./element.js";
import { minute, moment, number, span } from "./formats.js";
import { askRule, switched } from "./rule_form.js";
import { may, mayIn, needs } from "./rights.js";
import { openingRow } from "./table.js";
import { language, t } from "./words.js";

const HEALTH = ["silence", "stuck", "battery", "completeness"];
// As the queue tells them: what asks for a person, and what is followed.
const asks = ({ severity, condition }) => severity === "critical" || (severity === "warning" && !HEALTH.includes(condition));
const $ = (selector) => document.querySelector(selector);

/** Read and draw the view; return the rules. */
export async function showRules(about) {
  const { items } = await read("/alarm-rules", { commune: about.commune.insee, language });
  $("[data-rules]").replaceChildren(items.length ? ruleTable(items, about) : el("p", { class: "lede none" }, t("rules.none")));
  return items;
}

/** Have the button for a new rule work; who may make none is told who could. */
export function listenRules(about) {
  const makes = mayIn("tend", about.commune.insee) || may("operate");
  $("[data-add-rule]").hidden = !makes;
  $("[data-add-rule]").addEventListener("click", () => askRule(null, about));
  if (!makes) $("[data-rules]").before(needs("tend"));
}

const GROUPS = ["own", "reference", "service", "health"];

/** Own rules, those with a source, those of a service, those that watch over the sensors themselves. */
function groupOf({ preset, condition, source }) {
  if (preset === null) return "own";
  if (HEALTH.includes(condition)) return "health";
  return source ? "reference" : "service";
}

function ruleTable(rules, about) {
  const heads = ["rule", "where", "severity", "state"].map((key) => el("th", { scope: "col", class: key === "where" ? "wide" : null }, t(`rules.${key}`)));
  const groups = GROUPS.map((name) => [name, rules.filter((rule) => groupOf(rule) === name)]).filter(([, found]) => found.length);
  const body = ([name, found]) => el("tbody", {}, el("tr", { class: "family" }, el("th", { scope: "rowgroup", colspan: heads.length }, t(`rules.group_${name}`))), ...found.map((rule) => ruleRow(rule, about)));
  return el("table", { class: "rules" }, el("caption", { class: "vh" }, t("rules.title")), el("thead", {}, el("tr", {}, ...heads)), ...groups.map(body));
}

const severityWords = (rule) => t(rule.severity === "warning" && !asks(rule) ? "rules.followed" : `alarm_said.severity.${rule.severity}`);

function ruleRow(rule, about) {
  const row = openingRow(
    [el("span", { class: "who" }, rule.title, el("span", { class: "quiet" }, rule.said))],
    [
      el("td", { class: "wide wrap" }, whereWords(rule, about)),
      el("td", {}, el("span", { class: "state" }, glyph(asks(rule) ? "s-alarm" : "s-watch"), severityWords(rule))),
      el("td", {}, rule.enabled ? el("span", { class: "quiet" }, t("rules.on")) : el("span", { class: "tag" }, t("rules.off"))),
    ],
    () => under(rule, about),
  );
  row.classList.toggle("dim", !rule.enabled);
  return row;
}

function whereWords(rule, { commune, sensors, sites }) {
  const place = rule.commune_insee === null ? t("rights.everywhere") : rule.commune_insee === commune.insee ? commune.name : rule.commune_insee;
  const kind = rule.kind && t(`kinds.${rule.kind}`);
  const spot = rule.sensor_id ? sensors.get(rule.sensor_id)?.name : rule.site_id ? sites.get(rule.site_id) : null;
  return [spot ?? place, kind].filter(Boolean).join(", ");
}

/** Who may change a rule: those who tend its place, for the whole Métropole those who operate it. */
const mayChange = ({ commune_insee: insee, site_id: site }) => (insee === null ? may("operate") : may("tend", insee, site));

function under(rule, about) {
  const facts = [
    rule.source && ["source", rule.source_url ? el("a", { href: rule.source_url, rel: "noreferrer", target: "_blank" }, rule.source) : rule.source],
    rule.escalate_after_s && ["escalation", t("rules.escalates", { span: span(rule.escalate_after_s * 1000) })],
    ["made", t("rules.made_by", { by: rule.preset === null ? rule.made_by : "Vigie", at: moment(Date.parse(rule.since), now(), minute) })],
  ].filter(Boolean);
  const list = el("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [el("dt", {}, t(`rules.${name}`)), el("dd", {}, value)]));
  const act = (key, onclick) => el("button", { class: "btn", type: "button", "aria-label": t(`rules.${key}_named`, { name: rule.title }), onclick }, t(`rules.${key}`));
  const buttons = mayChange(rule)
    ? [act("edit", () => askRule(rule, about, { edited: true })), act(rule.enabled ? "switch_off" : "switch_on", () => askSwitch(rule, about)), rule.preset === null ? act("remove", () => askRemove(rule, about)) : null]
    : [];
  const like = mayIn("tend", about.commune.insee) ? act("like", () => askRule({ ...rule, preset: null, name: "", commune_insee: about.commune.insee, enabled: true, source: "", source_url: "" }, about)) : null;
  const acts = [...buttons, like].filter(Boolean);
  return [list, acts.length ? el("div", { class: "acts" }, ...acts) : needs(rule.commune_insee === null ? "operate" : "tend")];
}

/** Off and on again is asked for: what it would have raised is raised no more. */
function askSwitch(rule, about) {
  const key = rule.enabled ? "switch_off" : "switch_on";
  ask({
    title: t(`rules.${key}_named`, { name: rule.title }),
    body: [el("p", { class: "lede" }, t(`rules.${key}_lede`))],
    label: t(`rules.${key}`),
    act: async () => {
      await switched(rule, !rule.enabled);
      about.tell(t(`rules.${key}_done`, { name: rule.title }));
      about.again();
    },
  });
}

function askRemove(rule, about) {
  ask({
    title: t("rules.remove_named", { name: rule.title }),
    body: [el("p", { class: "lede" }, t("rules.remove_lede"))],
    label: t("rules.remove"),
    act: async () => {
      await withdraw(`/alarm-rules/${rule.rule_id}`);
      about.tell(t("rules.removed", { name: rule.title }));
      about.again();
    },
  });
}

/** What the tab says of the rules. */
export function ruleFigure(rules) {
  const off = rules.filter(({ enabled }) => !enabled).length;
  return { value: number(rules.length - off), under: off ? t("rules.some_off", { n: number(off) }, off) : t("rules.all_on") };
}
