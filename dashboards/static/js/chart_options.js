/** How a chart is drawn: ink for what was measured, accent for what is expected, dashed grey for the naive forecast. */

import { broken } from "./chart_source.js";
import { el } from "./element.js";
import { farDay, minute, moment, number, prose, scale, shortDay, span, whole } from "./formats.js";
import { daysFrom, hourOf, ticks } from "./paris.js";
import { language, t } from "./words.js";

const ROLES = ["ink", "ink-2", "ink-3", "paper", "line", "line-firm", "line-control", "sunken", "accent", "fan", "fan-faint", "ref", "st-suspect"];
const NARROW_PX = 520;
// A label centred so near to the end would be cut by the edge.
const EDGE = 0.03;
// Where the future is narrower than this its label would run into that of the present; the legend names it anyway.
const LABEL_PX = 60;
const SILENT = { silent: true, animation: false, z: 1 };

/** The colours of the present theme, by role: the canvas knows no custom property. */
export function readColours(host) {
  const probe = el("i", { hidden: true });
  host.append(probe);
  const colours = Object.fromEntries(
    ROLES.map((role) => {
      probe.style.color = `var(--${role})`;
      return [role, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return colours;
}

/**
 * @param {object} source what `readChart` gives
 * @param {{now: number, colours: Record<string, string>, naive: boolean, width: number}} look
 */
export function chartOptions(source, look) {
  const { metric, from, forecast, points, gap } = source;
  const steps = (forecast?.steps ?? []).filter((step) => step.at >= look.now - forecast.step_s * 1000);
  const until = Math.max(look.now, steps.at(-1)?.at ?? 0) + (look.now - from) * 0.005;
  const factor = scale(metric);
  const { line, holes } = broken(points.map((point) => ({ ...point, value: point.value * factor })), gap);
  const text = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 };
  return {
    animation: false,
    textStyle: text,
    grid: { left: 4, right: 8, top: 26, bottom: 4, containLabel: true },
    tooltip: tooltip(source, steps, look),
    xAxis: timeAxis(from, until, source.period, look),
    yAxis: valueAxis(metric, [...points, ...steps.map((step) => ({ value: step.p05 }))], look.colours),
    series: [
      backdrop(holes, steps.length ? [look.now, until] : null, { ...look, from }),
      ...fans(steps, factor, look.colours),
      measuredLine(line, look),
      ...suspects(points, factor, look.colours),
      ...(look.naive ? [naiveLine(steps, factor, look.colours)] : []),
    ],
  };
}

function timeAxis(from, until, period, { now, colours, width }) {
  const narrow = width < NARROW_PX;
  const hours = { "24h": narrow ? 12 : 6, "7d": 24, "30d": 24 }[period];
  const days = { "7d": narrow ? 2 : 1, "30d": narrow ? 8 : 4 }[period];
  const lines = ticks(from, until, hours);
  const inside = lines.filter((at) => at < until - (until - from) * EDGE);
  const labels = days ? ticks(from, until, 24, 12).filter((at) => daysFrom(now, at) % days === 0) : inside;
  return {
    type: "time", min: from, max: until,
    axisLine: { lineStyle: { color: colours["line-firm"] } },
    axisTick: { show: false, customValues: lines },
    splitLine: { show: true, lineStyle: { color: colours.line } },
    axisLabel: { color: colours["ink-2"], customValues: labels, hideOverlap: true, formatter: (at) => tickWords(at, now, Boolean(days)) },
  };
}

function tickWords(at, now, byDay) {
  const hour = hourOf(at);
  if (!byDay && hour) return language === "fr" ? `${hour}\u00a0h` : minute(at);
  const away = daysFrom(now, at);
  if (away === 0) return t("day.today_short");
  return Math.abs(away) > 9 ? farDay(at) : shortDay(at);
}

function valueAxis(metric, points, colours) {
  const share = scale(metric) === 100 && metric.family !== "air";
  const fromZero = ["power_kw", "gas_power_kw"].includes(metric.metric) || metric.nature === "count";
  const positive = points.every(({ value }) => value >= 0);
  return {
    type: "value", scale: true, splitNumber: 4,
    min: share || (fromZero && positive) ? 0 : null,
    max: share ? 100 : null,
    interval: share ? 25 : null,
    axisLabel: { color: colours["ink-3"], formatter: (value) => number(value, Number.isInteger(value) ? 0 : 1) },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

/** Gaps hatched, the future shaded, the present a line. */
function backdrop(holes, ahead, { now, from, colours, width }) {
  const roomy = ahead && ((ahead[1] - now) / (ahead[1] - from)) * width > LABEL_PX;
  const hatch = { color: { image: hatching(colours["line-control"]), repeat: "repeat" }, opacity: 0.45 };
  const named = (start, end) => (end - start > 2 * 3_600_000 ? `${t("chart.gap")}, ${span(end - start)}` : "");
  const areas = holes.map(([start, end]) => [
    { xAxis: start, itemStyle: hatch, name: named(start, end), label: { color: colours["ink-2"], backgroundColor: colours.paper, padding: [1, 3] } },
    { xAxis: end },
  ]);
  if (ahead) {
    const label = { color: colours.accent, fontSize: 12, position: ["100%", -18], align: "right" };
    areas.unshift([{ xAxis: ahead[0], name: roomy ? t("chart.forecast") : "", itemStyle: { color: colours.sunken }, label }, { xAxis: ahead[1] }]);
  }
  return {
    ...SILENT, type: "line", data: [], z: 0,
    markArea: { silent: true, label: { show: true, position: "insideBottom", distance: 16, fontSize: 11 }, data: areas },
    markLine: {
      silent: true, symbol: "none", data: [{ xAxis: now }],
      lineStyle: { color: colours.ink, width: 1, type: "solid" },
      label: { formatter: prose(now), color: colours.ink, fontWeight: 600, fontSize: 11, distance: 6 },
    },
  };
}

function hatching(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.beginPath();
  for (const shift of [-4, 0, 4]) {
    pen.moveTo(shift, 8 - 4);
    pen.lineTo(shift + 8, -4 - 4 + 4);
  }
  pen.moveTo(0, 8);
  pen.lineTo(8, 0);
  pen.stroke();
  return tile;
}

/** The expected range as two bands, 9 and 8 times in 10, and the median. */
function fans(steps, factor, colours) {
  if (!steps.length) return [];
  const band = (low, high, colour, z) => ({
    ...SILENT, type: "custom", z, clip: true, encode: { x: 0, y: [1, 2] },
    data: steps.map((step) => [step.at, step[low] * factor, step[high] * factor]),
    renderItem: (params, api) => (params.dataIndexInside ? null : polygon(steps, [low, high], factor, api, colour)),
  });
  return [
    band("p05", "p95", colours["fan-faint"], 2),
    band("p10", "p90", colours.fan, 3),
    {
      ...SILENT, type: "line", z: 4, symbol: "none", data: steps.map((step) => [step.at, step.p50 * factor]),
      lineStyle: { color: colours.accent, width: 1.75 }, itemStyle: { color: colours.accent },
    },
  ];
}

function polygon(steps, [low, high], factor, api, fill) {
  const corner = (name) => (step) => api.coord([step.at, step[name] * factor]);
  const points = [...steps.map(corner(high)), ...steps.map(corner(low)).reverse()];
  return { type: "polygon", shape: { points }, style: { fill } };
}

function measuredLine(line, { colours }) {
  const last = line.at(-1);
  return {
    ...SILENT, silent: false, type: "line", z: 6, symbol: "none", connectNulls: false, data: line,
    lineStyle: { color: colours.ink, width: 1.5, join: "round" }, itemStyle: { color: colours.ink },
    markPoint: last && {
      silent: true, symbol: "circle", symbolSize: 6, itemStyle: { color: colours.ink }, label: { show: false }, data: [{ coord: last }],
    },
  };
}

function suspects(points, factor, colours) {
  const data = points.filter(({ quality }) => quality).map(({ at, value }) => [at, value * factor]);
  return data.length ? [{ ...SILENT, type: "scatter", z: 7, symbol: "rect", symbolSize: 7, itemStyle: { color: colours["st-suspect"] }, data }] : [];
}

function naiveLine(steps, factor, colours) {
  const data = steps.filter((step) => step.naive !== null).map((step) => [step.at, step.naive * factor]);
  return { ...SILENT, type: "line", z: 5, symbol: "none", data, lineStyle: { color: colours.ref, width: 1.5, type: [4, 3] } };
}

/** What stands under the pointer, as elements: the policy of the page allows no inline style. */
function tooltip({ metric, points }, steps, { now, colours, naive }) {
  const nearest = (list, at) => list.reduce((best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best));
  return {
    trigger: "axis", confine: true, transitionDuration: 0, padding: 0, borderWidth: 0, backgroundColor: "transparent",
    axisPointer: { type: "line", lineStyle: { color: colours["line-control"], width: 1 }, label: { show: false } },
    formatter: ([first]) => {
      const at = first.axisValue;
      const rows = [];
      if (at <= now && points.length) rows.push([t("chart.measured"), whole(metric, nearest(points, at).value)]);
      if (at > now && steps.length) {
        const step = nearest(steps, at);
        rows.push([t("chart.forecast"), whole(metric, step.p50)], ["p10–p90", `${whole(metric, step.p10)} – ${whole(metric, step.p90)}`]);
        if (naive && step.naive !== null) rows.push([t("chart.naive"), whole(metric, step.naive)]);
      }
      return el("dl", { class: "tip" }, el("dt", { class: "when" }, moment(at, now)), ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
    },
  };
}
