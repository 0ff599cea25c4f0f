/** `<vigie-chart>`: one series, its past as measured, its next hours as expected, live; and any stretch of it, closer. */

import { now } from "./api.js";
import { chartOptions, readColours } from "./chart_options.js";
import { isAhead, PAST_SPAN_MS, PERIODS, readChart, readForecast, shownMetric, shownSteps, tableRows, windowOf } from "./chart_source.js";
import { Why } from "./chart_why.js";
import { dataTable, forecastWords, legend, message, titleWords } from "./chart_words.js";
import { Zoom } from "./chart_zoom.js";
import { csv, download } from "./csv.js";
import { el } from "./element.js";
import { askExport } from "./export_dialog.js";
import { unit } from "./formats.js";
import { note } from "./frame.js";
import { toField } from "./paris.js";
import { may } from "./rights.js";
import { t } from "./words.js";

// Live points are drawn at most so often; the whole is read again so often.
const PACE_MS = 1000;
const RELOAD_MS = 5 * 60_000;
const USUAL_PX = 800;
const BAD = 2;
// The second click of two is no third act.
const DOUBLE_MS = 400;
const DOUBLE_PX = 12;

class VigieChart extends HTMLElement {
  #series = null;
  #source = null;
  #period = "7d";
  #zoom = null;
  #naive = false;
  #past = false;
  #limits = [];
  #state = "";
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

  /** Show a series over a period, or over a stretch of time: `{from, until}` in milliseconds. */
  async show(series, period, zoom = null) {
    const other = series.series_id !== this.#series?.series_id;
    this.#series = series;
    this.#period = period in PERIODS ? period : "7d";
    this.#zoom = zoom;
    if (other) {
      this.#source = null;
      this.#build();
    }
    this.#mark();
    // What is at hand is drawn where it will stand; what it lacks comes.
    if (this.#source && zoom) {
      Object.assign(this.#source, { ...zoom, zoomed: true });
      this.#draw();
    }
    await this.#load();
  }

  /** The limits that rules set, `{value, words}` in stored units, and the state that the newest point is drawn in. */
  bound(limits, state = "") {
    this.#limits = limits;
    this.#state = state;
    this.#redraw();
  }

  /** Take a reading of the shown series from the live feed. */
  take(items) {
    const item = items.find(({ series_id }) => series_id === this.#series?.series_id);
    // A mean of states is no state, and a mean of a step no reading: those charts wait for the next reading of the whole.
    if (!item || !this.#source || this.#source.step || this.#source.bars || this.#source.metric.nature === "state") return;
    const at = Date.parse(item.observed_at);
    if (at <= (this.#source.points.at(-1)?.at ?? 0) || at > (this.#source.until ?? Infinity)) return;
    if (item.quality) this.#source.doubtful.push({ at, value: item.value, quality: item.quality, flags: item.flags ?? [] });
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

  get #window() {
    return windowOf(this.#period, this.#zoom);
  }

  #build() {
    const { row: { sensor }, metric } = this.#series;
    this.#drawing?.dispose();
    this.#drawing = null;
    this.#sizes.disconnect();
    this.heading = el("h2", { id: "chart-title" });
    // Drawn, it says its message; until then, what it will be of.
    this.canvas = el("div", { class: "canvas", role: "img", "aria-label": `${t(`metric.${metric.metric}`)}, ${sensor.name}` });
    this.stage = el("div", { class: "stage", role: "group", tabindex: "0", "aria-label": t("chart.keys") }, this.canvas);
    this.zoom = new Zoom(this.stage, {
      shown: () => this.#source && this.#shown(),
      at: (px) => this.#drawing.convertFromPixel({ xAxisIndex: 0 }, px),
      ahead: () => Math.max(now(), (this.#source?.forecast?.steps.at(-1)?.at ?? 0) || now() + (isAhead(metric, 0) ? metric.forecast_horizon_s ?? 0 : 0) * 1000),
      choose: (zoom) => (zoom || this.#zoom) && this.#choose({ zoom }),
    });
    this.words = el("p", { class: "words" });
    this.legend = el("ul", { class: "legend" });
    this.table = el("details", { ontoggle: () => this.#fillTable() }, el("summary", {}, t("chart.table")));
    this.under = el("div", { class: "under" }, this.legend, el("p", { class: "links iso" }, this.#file("iso", "csv_iso")), this.table);
    this.why = new Why(this.#series, this.#redraw);
    this.replaceChildren(el("header", {}, this.heading, this.#controls()), this.#metrics(), this.stage, this.under, this.words, ...this.why.nodes);
  }

  #shown() {
    const steps = shownSteps(this.#source, now());
    return { from: this.#source.from, until: this.#source.until ?? Math.max(now(), steps.at(-1)?.at ?? 0) };
  }

  #controls() {
    const toggle = (name, action) => el("button", { type: "button", "aria-pressed": "false", onclick: action }, t(`chart.${name}`));
    this.periods = new Map(Object.keys(PERIODS).map((period) => [period, toggle(period, () => this.#choose({ period, zoom: null }))]));
    this.naive = toggle("naive", () => {
      this.#naive = !this.#naive;
      this.#mark();
      this.#redraw();
    });
    this.before = toggle("past_fans", () => {
      this.#past = !this.#past;
      this.#mark();
      this.#load();
    });
    const file = this.#file("french", "csv");
    const { site } = this.#series.row.sensor;
    const exports = may("export", site.commune_insee, site.site_id) && el("button", { type: "button", title: t("export.hint"), onclick: () => askExport(this.#series, this.#source?.from ?? this.#window.from) }, t("export.open"));
    return el(
      "div",
      { class: "links" },
      el("span", { class: "links", role: "group", "aria-label": t("chart.period") }, ...this.periods.values()),
      this.zoom.buttons,
      el("span", { class: "links" }, this.naive, this.before, file, exports),
    );
  }

  #file(kind, key) {
    return el("button", { type: "button", title: t(`chart.${key}_hint`), onclick: () => this.#save(kind) }, t(`chart.${key}`));
  }

  /** Write what was chosen: pressed buttons, the title, and which buttons there are. */
  #mark() {
    const { metric, row } = this.#series;
    const { span } = this.#window;
    const shown = shownMetric(metric, span);
    for (const [period, button] of this.periods) button.setAttribute("aria-pressed", String(period === this.#period && !this.#zoom));
    this.zoom.zoomed = Boolean(this.#zoom);
    this.naive.setAttribute("aria-pressed", String(this.#naive));
    this.before.setAttribute("aria-pressed", String(this.#past));
    const ahead = Boolean(metric.forecast_step_s) && isAhead(metric, span);
    this.naive.hidden = !ahead;
    this.before.hidden = !ahead || span > PAST_SPAN_MS;
    const units = [t(`metric.${metric.metric}`), unit(shown, { chart: true })].filter(Boolean).join(", ");
    const title = titleWords({ period: this.#period, zoom: this.#zoom, metric, span }, now());
    if (this.heading.dataset.said !== title + units) this.heading.replaceChildren(title, " ", el("span", { class: "unit" }, units));
    this.heading.dataset.said = title + units;
    for (const button of this.querySelectorAll(".metrics button")) button.setAttribute("aria-pressed", String(Number(button.dataset.series) === this.#series.series_id));
    this.dataset.sensor = row.sensor.sensor_id;
  }

  #metrics() {
    const { row } = this.#series;
    if (row.series.length < 2) return "";
    const button = (series) => el("button", { type: "button", "data-series": series.series_id, "aria-pressed": "false", onclick: () => this.#choose({ series }) }, t(`metric.${series.metric.metric}`));
    return el("div", { class: "seg metrics", role: "group", "aria-label": t("chart.metrics") }, ...row.series.map(button));
  }

  #choose(detail) {
    this.dispatchEvent(new CustomEvent("vigie:view", { bubbles: true, detail: { series: this.#series, period: this.#period, zoom: this.#zoom, ...detail } }));
  }

  async #load() {
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    this.setAttribute("aria-busy", "true");
    try {
      const wanted = { period: this.#period, zoom: this.#zoom, past: this.#past, width: this.canvas.clientWidth || USUAL_PX };
      const [source, echarts] = await Promise.all([readChart(this.#series, wanted, asked.signal), import("../vendor/echarts.js")]);
      if (asked.signal.aborted) return;
      this.#source = source;
      this.#drawing ??= this.#begin(echarts);
      this.#sizes.observe(this.canvas);
      this.#draw();
      this.#fillTable();
    } catch (error) {
      if (error.name !== "AbortError" && !asked.signal.aborted) this.words.replaceChildren(note(t("chart.failed", { why: error.message }), t("list.retry"), () => this.#load()));
    } finally {
      if (asked === this.#asked) this.setAttribute("aria-busy", "false");
    }
  }

  #draw(resized = false) {
    const { sensor } = this.#series.row;
    const look = { now: now(), colours: readColours(this), naive: this.#naive, whatIf: this.why.line, width: this.canvas.clientWidth, limits: this.#limits, state: this.#state };
    if (resized) this.#drawing.resize();
    this.#drawing.setOption(chartOptions(this.#source, look), { notMerge: true });
    if (resized) return;
    this.canvas.setAttribute("aria-label", message(this.#source, sensor.name, look.now));
    this.words.replaceChildren(...forecastWords(this.#source, look.now).flatMap((part) => [part, " "]));
    if (!this.#source.points.length) this.words.prepend(el("strong", {}, t("chart.no_readings")), " ");
    this.why.take(this.#source.forecast);
    const drawn = legend(this.#source, look);
    if (drawn.innerHTML !== this.legend.innerHTML) this.legend.replaceChildren(...drawn.children);
  }

  /** A step that a person points at is explained. */
  #begin(echarts) {
    const drawing = echarts.init(this.canvas, null, { renderer: "canvas" });
    let before = { at: -Infinity, x: 0 };
    drawing.getZr().on("click", ({ offsetX, event: { timeStamp } }) => {
      const double = timeStamp - before.at < DOUBLE_MS && Math.abs(offsetX - before.x) < DOUBLE_PX;
      const drew = timeStamp - (this.zoom.drew ?? -Infinity) < DOUBLE_MS;
      before = { at: timeStamp, x: offsetX };
      const at = drawing.convertFromPixel({ xAxisIndex: 0 }, offsetX);
      if (!double && !drew && at > now()) this.why.open(at);
    });
    return drawing;
  }

  /** The data, one click away; built when it is opened, and again when another stretch was read. */
  #fillTable() {
    this.table.querySelector(".table")?.remove();
    if (this.table.open && this.#source) this.table.append(dataTable(tableRows(this.#source), this.#source, { sensor: this.#series.row.sensor.name, now: now() }));
  }

  #save(kind) {
    if (!this.#source) return;
    const { metric } = this.#source.metric;
    const stretch = this.#zoom ? [this.#zoom.from, this.#zoom.until].map((at) => toField(at).replace(":", "")).join("_") : this.#period;
    const name = `vigie-${this.#series.row.sensor.external_id}-${metric}-${stretch}${kind === "iso" ? "-iso" : ""}.csv`;
    download(csv(tableRows(this.#source), metric, kind), name);
  }
}

customElements.define("vigie-chart", VigieChart);
