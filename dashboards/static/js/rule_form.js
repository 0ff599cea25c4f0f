/** The form of a rule of alarms: what it looks for, of what and where, how urgent; tried on the past before it is kept. */

import { readAll, send } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el } from "./element.js";
import { FORMS, ParameterFields, conditionOf, formOf, needsMetric } from "./rule_parameters.js";
import { trialBox } from "./rule_trial.js";
import { may, mayIn } from "./rights.js";
import { language, t } from "./words.js";

const SEVERITIES = ["info", "warning", "critical"];
const KINDS = ["indoor_air", "outdoor_air", "bin", "bay", "meter", "counter"];
const HOUR_S = 3600;

/**
 * Ask for a rule: a new one, one like another, or one that is edited.
 * @param {object | null} rule as the API has it
 * @param {{commune: object, metrics: object[], again: () => void, tell: (words: string) => void}} about
 * @param {{edited?: boolean}} [how] `edited` where this very rule changes
 */
export function askRule(rule, about, { edited = false } = {}) {
  const fields = new RuleFields(rule, about, edited);
  const dialog = ask({
    title: edited ? t("rules.edit_title", { name: rule.title }) : t("rules.add_title"),
    kind: "large",
    body: [el("p", { class: "lede" }, t(edited ? "rules.edit_lede" : "rules.add_lede")), ...fields.nodes, trialBox(() => dialog.querySelector("form").reportValidity() && fields.value())],
    label: t(edited ? "rules.save" : "rules.add"),
    act: async () => {
      const kept = await (edited ? send(`/alarm-rules/${rule.rule_id}?language=${language}`, fields.value(), "PUT") : send(`/alarm-rules?language=${language}`, fields.value()));
      about.tell(t(edited ? "rules.saved" : "rules.added", { name: kept.title }));
      about.again();
    },
  });
}

/** Switch a rule off or on: everything else of it stays. */
export const switched = (rule, enabled) => send(`/alarm-rules/${rule.rule_id}`, { ...bodyOf(rule), enabled }, "PUT");

/** A rule as the API takes it. */
export const bodyOf = ({ name, condition, metric, kind, commune_insee, site_id, sensor_id, parameters, severity, escalate_after_s, enabled, source, source_url }) => ({ name, condition, metric, kind, commune_insee, site_id, sensor_id, parameters, severity, escalate_after_s, enabled, source, source_url });

class RuleFields {
  #parameters;

  constructor(rule, { commune, metrics }, edited) {
    this.rule = rule;
    this.edited = edited;
    this.metrics = metrics;
    this.commune = commune;
    this.name = el("input", { name: "name", maxlength: 200, value: rule?.name ?? "", placeholder: t("rules.name_hint") });
    const chosen = rule ? formOf(rule) : "threshold";
    this.form = el("select", { name: "condition", onchange: () => this.#draw() }, ...FORMS.map((form) => option(form, t(`rules.form.${form}`), form === chosen)));
    this.metric = el("select", { name: "metric", onchange: () => this.#draw() }, option("", t("rules.any_metric")), ...metrics.map(({ metric }) => option(metric, t(`metric.${metric}`), metric === (rule ? rule.metric : "co2_ppm"))));
    this.kind = el("select", { name: "kind" }, option("", t("rules.any_kind")), ...KINDS.map((kind) => option(kind, t(`kind_one.${kind}`), kind === rule?.kind)));
    this.where = el("select", { name: "where" }, ...this.#places());
    this.severity = el("select", { name: "severity" }, ...SEVERITIES.map((one) => option(one, t(`alarm_said.severity.${one}`), one === (rule?.severity ?? "warning"))));
    this.escalate = el("input", { type: "number", name: "escalate", inputmode: "decimal", min: "0.1", max: "720", step: "any", value: rule?.escalate_after_s ? rule.escalate_after_s / HOUR_S : "" });
    this.parameters = el("div", {});
    this.nodes = [
      el("div", { class: "pair" }, line(t("rules.condition"), this.form), line(t("rules.metric"), this.metric)),
      this.parameters,
      el("div", { class: "pair" }, line(t("rules.where"), this.where), line(t("rules.kind"), this.kind)),
      el("div", { class: "pair" }, line(t("rules.severity"), this.severity), line(t("rules.escalate"), this.escalate, t("rules.escalate_hint"))),
      line(t("rules.name"), this.name),
    ];
    this.#draw(rule?.parameters);
    this.#readPlaces();
  }

  /** What was filled in, as the API takes it. */
  value() {
    const [place, id] = this.where.value.split(":");
    const hours = this.escalate.valueAsNumber;
    return {
      name: this.name.value.trim(),
      condition: conditionOf(this.form.value),
      metric: this.metric.value || null,
      kind: this.kind.value || null,
      commune_insee: place === "all" ? null : this.rule?.commune_insee ?? this.commune.insee,
      site_id: place === "site" ? Number(id) : null,
      sensor_id: place === "sensor" ? Number(id) : null,
      parameters: this.#parameters.value(),
      severity: this.severity.value,
      escalate_after_s: Number.isNaN(hours) ? null : Math.round(hours * HOUR_S),
      enabled: this.rule?.enabled ?? true,
      source: this.rule?.source ?? "",
      source_url: this.rule?.source_url ?? "",
    };
  }

  /** The parameters of the condition chosen; those of the rule where it is still its own. */
  #draw(given = {}) {
    this.metric.required = needsMetric(this.form.value);
    const metric = this.metrics.find(({ metric: name }) => name === this.metric.value);
    this.#parameters = new ParameterFields(this.form.value, metric, given);
    this.parameters.replaceChildren(...this.#parameters.nodes.filter(Boolean));
  }

  /** The whole Métropole, the commune; its sites and sensors once they are read. A rule that is edited stays where it is. */
  #places() {
    const { rule, edited } = this;
    const isWhole = Boolean(rule) && rule.commune_insee === null;
    const whole = (edited ? isWhole : may("operate")) ? [option("all", t("rights.everywhere"), isWhole)] : [];
    const here = (edited ? !isWhole : mayIn("tend", this.commune.insee)) ? [option("commune", this.commune.name, !isWhole && !rule?.site_id && !rule?.sensor_id)] : [];
    return [...whole, ...here];
  }

  async #readPlaces() {
    if (this.edited && this.rule.commune_insee === null) return;
    const commune = this.commune.insee;
    const [sites, sensors] = await Promise.all([readAll("/sites", { commune }), readAll("/sensors", { commune })]).catch(() => [[], []]);
    const options = (kind, rows, name) => rows.map((row) => option(`${kind}:${row[`${kind}_id`]}`, name(row), row[`${kind}_id`] === this.rule?.[`${kind}_id`]));
    this.where.append(
      el("optgroup", { label: t("rules.sites") }, ...options("site", sites, ({ name }) => name)),
      el("optgroup", { label: t("rules.sensors") }, ...options("sensor", sensors.filter(({ retired_at: gone }) => !gone), ({ name, site }) => `${name}, ${site.name}`)),
    );
  }
}
