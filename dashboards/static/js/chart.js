/** `<vigie-chart>`: one series, its past as measured, its next day as expected, live. */

import { now } from "./api.js";
import { chartOptions, readColours } from "./chart_options.js";
import { isAhead, PERIODS, readChart, readForecast, shownMetric, tableRows } from "./chart_source.js";
import { Why } from "./chart_why.js";
import { dataTable, forecastWords, legend, message } from "./chart_words.js";
import { csv, download } from "./csv.js";
import { el } from "./element.js";
import { askExport } from "./export_dialog.js";
import { unit } from "./formats.js";
import { note } from "./frame.js";
import { may } from "./rights.js";
import { t } from "./words.js";

// Live points are drawn at most so often; the whole is read again so often.
const PACE_MS = 1000;
const RELOAD_MS = 5 * 60_000;
const USUAL_PX = 800;
const BAD = 2;

class VigieChart extends HTMLElement {
  #series = null;
  #source = null;
  #period = "7d";
  #naive = false;
  #drawing = null;
  #asked = null;
  #timer = 0;
  #watched = [matchMedia("(prefers-color-scheme: dark)"), matchMedia("print")];
  #sizes = new ResizeObserver(() => this.#drawing && this.#draw(true));

  connectedCallback() {
    for (const query of this.#watched) query.addEventListener("change", this.#redraw);
    this.reload = setInterval(() => this.#series && !document.hidden && this.#load(), RELOAD_MS);
  }

  disconnectedCallback() {
    for (const query of this.#watched) query.removeEventListener("change", this.#redraw);
    clearInterval(this.reload);
    this.#sizes.disconnect();
    this.#drawing?.dispose();
  }

  /** Show a series over a period. */
  async show(series, period) {
    this.#series = series;
    this.#period = period in PERIODS ? period : "7d";
    this.#build();
    await this.#load();
  }

  /** Take a reading of the shown series from the live feed. */
  take(items) {
    const item = items.find(({ series_id }) => series_id === this.#series?.series_id);
    // A mean of states is no state, and a mean of a step no reading: those charts wait for the next reading of the whole.
    if (!item || !this.#source || this.#source.step || this.#source.bars || this.#source.metric.nature === "state") return;
    const at = Date.parse(item.observed_at);
    if (at <= (this.#source.points.at(-1)?.at ?? 0)) return;
    if (item.quality) this.#source.doubtful.push({ at, value: item.value, quality: item.quality });
    if (item.quality < BAD) this.#source.points.push({ at, value: item.value });
    this.#timer ||= setTimeout(this.#redraw, PACE_MS);
  }

  /** Read the forecast again when a newer one of this series was issued. */
  async renew(issued) {
    const series = this.#series;
    if (!issued.has(series?.series_id) || !this.#source?.ahead) return;
    const forecast = await readForecast(series.series_id);
    if (series !== this.#series) return;
    this.#source.forecast = forecast;
    this.#redraw();
  }

  #redraw = () => {
    this.#timer = 0;
    if (this.#source && this.#drawing) this.#draw();
  };

  #build() {
    const { row, metric } = this.#series;
    const { sensor } = row;
    const origin = sensor.origin === "field" ? null : el("span", { class: "simulated" }, t(`origin.sensor_${sensor.origin}`));
    const title = el(
      "div",
      { class: "title" },
      el("h2", { id: "chart-title" }, sensor.name, " ", el("span", { class: "unit" }, [t(`metric.${metric.metric}`), unit(shownMetric(metric, this.#period), { chart: true })].filter(Boolean).join(", "))),
      el("p", { class: "small quiet" }, [sensor.site.name, t(`kind_one.${sensor.kind}`), sensor.external_id].join(" · "), " ", origin),
    );
    this.#drawing?.dispose();
    this.#drawing = null;
    this.#sizes.disconnect();
    // Drawn, it says its message; until then, what it will be of.
    this.canvas = el("div", { class: "canvas", role: "img", "aria-label": `${t(`metric.${metric.metric}`)}, ${sensor.name}` });
    this.words = el("p", { class: "words" });
    this.under = el("div", { class: "under" });
    this.why = new Why(this.#series, this.#redraw);
    this.replaceChildren(el("header", {}, title, this.#controls()), this.#metrics(), this.canvas, this.under, this.words, ...this.why.nodes);
  }

  #controls() {
    const toggle = (name, pressed, action, label = t(`chart.${name}`)) =>
      el("button", { type: "button", "aria-pressed": String(pressed), onclick: action }, label);
    const naive = toggle("naive", this.#naive, () => {
      this.#naive = !this.#naive;
      naive.setAttribute("aria-pressed", String(this.#naive));
      this.#redraw();
    });
    const file = (kind, key) => el("button", { type: "button", title: t(`chart.${key}_hint`), onclick: () => this.#save(kind) }, t(`chart.${key}`));
    const { site } = this.#series.row.sensor;
    return el(
      "div",
      { class: "links" },
      el("span", { class: "links", role: "group", "aria-label": t("chart.period") }, ...Object.keys(PERIODS).map((period) => toggle(period, period === this.#period, () => this.#choose({ period })))),
      this.#series.metric.forecast_step_s && isAhead(this.#series.metric, this.#period) ? naive : null,
      file("french", "csv"),
      file("iso", "csv_iso"),
      may("export", site.commune_insee, site.site_id) && el("button", { type: "button", title: t("export.hint"), onclick: () => askExport(this.#series, this.#source?.from ?? now() - PERIODS[this.#period]) }, t("export.open")),
    );
  }

  #metrics() {
    const { row } = this.#series;
    if (row.series.length < 2) return "";
    const button = (series) =>
      el("button", { type: "button", "aria-pressed": String(series === this.#series), onclick: () => this.#choose({ series }) }, t(`metric.${series.metric.metric}`));
    return el("div", { class: "seg metrics", role: "group", "aria-label": t("chart.metrics") }, ...row.series.map(button));
  }

  #choose(detail) {
    this.dispatchEvent(new CustomEvent("vigie:view", { bubbles: true, detail: { series: this.#series, period: this.#period, ...detail } }));
  }

  async #load() {
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    this.setAttribute("aria-busy", "true");
    try {
      const [source, echarts] = await Promise.all([readChart(this.#series, this.#period, this.canvas.clientWidth || USUAL_PX, asked.signal), import("../vendor/echarts.js")]);
      if (asked.signal.aborted) return;
      this.#source = source;
      this.#drawing ??= this.#begin(echarts);
      this.#sizes.observe(this.canvas);
      this.#draw();
    } catch (error) {
      if (error.name !== "AbortError") this.words.replaceChildren(note(t("chart.failed", { why: error.message }), t("list.retry"), () => this.#load()));
    } finally {
      if (asked === this.#asked) this.setAttribute("aria-busy", "false");
    }
  }

  #draw(resized = false) {
    const { sensor } = this.#series.row;
    const look = { now: now(), colours: readColours(this), naive: this.#naive, whatIf: this.why.line, width: this.canvas.clientWidth };
    if (resized) this.#drawing.resize();
    this.#drawing.setOption(chartOptions(this.#source, look), { notMerge: true });
    if (resized) return;
    this.canvas.setAttribute("aria-label", message(this.#source, sensor.name, look.now));
    this.words.replaceChildren(...forecastWords(this.#source, look.now).flatMap((part) => [part, " "]));
    if (!this.#source.points.length) this.words.prepend(el("strong", {}, t("chart.no_readings")), " ");
    this.why.take(this.#source.forecast);
    if (!this.under.querySelector("details[open]")) this.under.replaceChildren(legend(this.#source, look), this.#table(sensor, look.now));
  }

  /** A step that a person points at is explained. */
  #begin(echarts) {
    const drawing = echarts.init(this.canvas, null, { renderer: "canvas" });
    drawing.getZr().on("click", ({ offsetX }) => {
      const at = drawing.convertFromPixel({ xAxisIndex: 0 }, offsetX);
      if (at > now()) this.why.open(at);
    });
    return drawing;
  }

  /** The data, one click away; built when it is opened. */
  #table(sensor, at) {
    const details = el("details", {}, el("summary", {}, t("chart.table")));
    details.addEventListener("toggle", () => {
      details.querySelector(".table")?.remove();
      if (details.open) details.append(dataTable(tableRows(this.#source), this.#source, { sensor: sensor.name, now: at }));
    });
    return details;
  }

  #save(kind) {
    if (!this.#source) return;
    const { metric } = this.#source.metric;
    const name = `vigie-${this.#series.row.sensor.external_id}-${metric}-${this.#period}${kind === "iso" ? "-iso" : ""}.csv`;
    download(csv(tableRows(this.#source), metric, kind), name);
  }
}

customElements.define("vigie-chart", VigieChart);
