/** How a chart is drawn: ink for what was measured, accent for what is expected, dashed grey for the naive forecast. */

import { timeAxis, valueAxis, whenWords } from "./chart_axis.js";
import { broken, shownSteps } from "./chart_source.js";
import { el } from "./element.js";
import { prose, scale, span, whole } from "./formats.js";
import { knows, t } from "./words.js";

const ROLES = ["ink", "ink-2", "ink-3", "paper", "line", "line-firm", "line-control", "sunken", "accent", "fan", "fan-faint", "ref", "st-suspect", "st-refused", "st-alarm", "st-alarm-fill"];
// Where the future is narrower than this its label would run into that of the present; the legend names it anyway.
const LABEL_PX = 60;
const NAME_PX = 90;
const HALF_HOUR_MS = 1_800_000;
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
 * @param {{now: number, colours: Record<string, string>, naive: boolean, whatIf: object | null, width: number,
 *   limits: {value: number, words: string}[], state: string}} look
 */
export function chartOptions(source, look) {
  const { metric, from, points, doubtful, bars, gap } = source;
  const steps = shownSteps(source, look.now);
  const until = source.until ?? Math.max(look.now, steps.at(-1)?.at ?? 0) + (look.now - from) * 0.005;
  const factor = scale(metric);
  const { line, holes } = broken(points.map((point) => ({ ...point, value: point.value * factor })), gap);
  const text = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 };
  const drawn = [...points.flatMap(({ value, low }) => [{ value }, { value: low ?? value }]), ...steps.map((step) => ({ value: step.p05 }))];
  const limits = bars ? [] : near(look.limits, [...points.map(({ value, high }) => high ?? value), ...steps.map(({ p95 }) => p95)], drawn);
  const axis = timeAxis(from, until, look);
  return {
    animation: false,
    textStyle: text,
    // Where nothing follows the present, its label needs room.
    grid: { left: 8, right: steps.length ? 8 : 20, top: 26, bottom: 4, containLabel: true },
    tooltip: tooltip(source, steps, look),
    xAxis: axis,
    yAxis: valueAxis(metric, drawn, look.colours, { summed: Boolean(bars) }),
    series: [
      backdrop(holes, steps.length ? [Math.max(from, look.now), until] : null, { ...look, from, until }),
      ...(source.past ?? []).flatMap((one) => fans(one.steps.filter(({ at }) => at >= from && at <= until), factor, look.colours)),
      ...fans(steps, factor, look.colours),
      ...(limits.length ? [limitLines(limits, factor, from, look)] : []),
      ...(bars ? [sums(bars, factor, look.colours)] : [range(source, factor, look.colours), measuredLine(line, look, until)]),
      ...suspects(doubtful, factor, look.colours),
      ...refusals(source.refused ?? [], look.colours),
      ...(look.naive ? [dashed(steps, "naive", factor, look.colours.ref)] : []),
      ...(look.whatIf ? [dashed(look.whatIf.steps, "p50", factor, look.colours.accent)] : []),
    ],
  };
}

/** The limits that lie where something is drawn, or not far above it: a far one would press the curve flat. */
function near(limits, highs, drawn) {
  const [low, high] = [Math.min(...drawn.map(({ value }) => value)), Math.max(...highs)];
  return limits.filter(({ value }) => value >= low - (high - low) * 0.4 && value <= high + (high - low) * 0.4);
}

/** Limits as dotted lines that say whose they are; a point of no size keeps each within the axis. */
function limitLines(limits, factor, from, { colours }) {
  return {
    ...SILENT, type: "scatter", z: 8, symbolSize: 0, data: limits.map(({ value }) => [from, value * factor]),
    markLine: {
      silent: true, z: 9, symbol: "none", lineStyle: { color: colours["st-alarm"], width: 1, type: [1, 3], cap: "round" },
      data: limits.map(({ value, words }) => ({
        yAxis: value * factor,
        label: { formatter: words, position: "insideStartTop", color: colours["st-alarm"], fontSize: 11, backgroundColor: colours.paper, padding: [0, 3] },
      })),
    },
  };
}

/** What was refused has no value: a cross at the top says when. */
function refusals(refused, colours) {
  if (!refused.length) return [];
  return [{
    ...SILENT, type: "custom", z: 7, clip: true, encode: { x: 0 },
    data: refused.map(({ at }) => [at]),
    renderItem: ({ coordSys }, api) => {
      const [x] = api.coord([api.value(0), 0]);
      const y = coordSys.y + 8;
      const stroke = (way) => ({ type: "line", shape: { x1: x - 4, y1: y - 4 * way, x2: x + 4, y2: y + 4 * way }, style: { stroke: colours["st-refused"], lineWidth: 2, lineCap: "round" } });
      return { type: "group", children: [stroke(1), stroke(-1)] };
    },
  }];
}

/** Gaps hatched, the future shaded, the present a line. */
function backdrop(holes, ahead, { now, from, until, colours, width }) {
  const roomy = ahead && ((ahead[1] - now) / (ahead[1] - from)) * width > LABEL_PX;
  const hatch = { color: { image: hatching(colours["line-control"]), repeat: "repeat" }, opacity: 0.45 };
  // Two names side by side would be read as one: the first of them speaks.
  let free = -Infinity;
  const named = (start, end) => {
    const middle = (((start + end) / 2 - from) / (until - from)) * width;
    if (end - start <= 2 * 3_600_000 || middle < free) return "";
    free = middle + NAME_PX;
    return `${t("chart.gap")}, ${span(end - start)}`;
  };
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
      silent: true, symbol: "none", data: now >= from && now <= until ? [{ xAxis: now }] : [],
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
  // Of a day that is over only p10, p50 and p90 are told.
  const wide = steps[0].p05 !== undefined;
  const band = (low, high, colour, z) => ({
    ...SILENT, type: "custom", z, clip: true, encode: { x: 0, y: [1, 2] },
    data: steps.map((step) => [step.at, step[low] * factor, step[high] * factor]),
    renderItem: (params, api) => (params.dataIndexInside ? null : polygon(steps, [low, high], factor, api, colour)),
  });
  return [
    ...(wide ? [band("p05", "p95", colours["fan-faint"], 2)] : []),
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

/** From the lowest to the highest reading of each hour or day; readings themselves have no range. */
function range({ points, ranged }, factor, colours) {
  const drawn = ranged ? points : [];
  const starts = drawn.flatMap((point, place) => (point.broken || !place ? [place] : []));
  const runs = new Map(starts.map((start, number) => [start, drawn.slice(start, starts[number + 1])]));
  return {
    ...SILENT, type: "custom", z: 5, clip: true, encode: { x: 0, y: [1, 2] },
    data: drawn.map(({ at, low, high }) => [at, low * factor, high * factor]),
    // One area for each run, drawn with its first point; the others are there for the axis.
    renderItem: ({ dataIndex }, api) => runs.has(dataIndex) ? polygon(runs.get(dataIndex), ["low", "high"], factor, api, colours["line-firm"]) : null,
  };
}

/** A bar for each period of the calendar; one that is known in part only is hollow. */
function sums(bars, factor, colours) {
  return {
    ...SILENT, silent: false, type: "custom", z: 6, clip: true, encode: { x: [0, 1], y: 2 },
    data: bars.map(({ at, until, value }) => [at, until, value * factor]),
    renderItem: ({ dataIndex }, api) => {
      const [left, top] = api.coord([api.value(0), api.value(2)]);
      const [right, floor] = api.coord([api.value(1), 0]);
      const gap = right - left > 4 ? 1 : 0;
      const shape = { x: left + gap, y: top, width: Math.max(1, right - left - 2 * gap), height: floor - top };
      const hollow = { fill: colours.sunken, stroke: colours["ink-3"], lineWidth: 1 };
      return { type: "rect", shape, style: bars[dataIndex].partial ? hollow : { fill: colours["ink-2"] } };
    },
  };
}

function measuredLine(line, { colours, now, state }, until) {
  // The newest point is the present: where a zoom ends before it, it is one among others.
  const last = until >= now ? line.at(-1) : undefined;
  const alarming = state === "alarm";
  return {
    ...SILENT, silent: false, type: "line", z: 6, symbol: "none", connectNulls: false, data: line,
    lineStyle: { color: colours.ink, width: 1.5, join: "round" }, itemStyle: { color: colours.ink },
    markPoint: last && {
      silent: true, symbol: "circle", symbolSize: alarming ? 8 : 6, itemStyle: { color: alarming ? colours["st-alarm-fill"] : colours.ink }, label: { show: false }, data: [{ coord: last }],
    },
  };
}

/** Doubtful readings; a run of one flag that lasts is named, once. */
function suspects(doubtful, factor, colours) {
  if (!doubtful.length) return [];
  const named = new Map(doubtfulRuns(doubtful).map(({ first, last, flag }) => [Math.floor((first + last) / 2), runWords(flag, doubtful[last].at - doubtful[first].at)]));
  const label = { show: true, position: "top", fontSize: 11, color: colours["ink-2"] };
  const data = doubtful.map(({ at, value }, place) => ({ value: [at, value * factor], label: named.has(place) ? { ...label, formatter: named.get(place) } : { show: false } }));
  return [{ ...SILENT, type: "scatter", z: 7, symbol: "rect", symbolSize: 7, itemStyle: { color: colours["st-suspect"] }, labelLayout: { hideOverlap: true }, data }];
}

const runWords = (flag, ms) => (knows(`chart.flagged.${flag}`) ? t(`chart.flagged.${flag}`, { span: span(ms) }) : "");

/** Stretches of doubtful readings with one first flag that last half an hour at least. */
function doubtfulRuns(doubtful) {
  const runs = [];
  doubtful.forEach(({ at, flags }, place) => {
    const flag = flags?.[0];
    const before = runs.at(-1);
    if (before && before.flag === flag && at - doubtful[before.last].at < 6 * HALF_HOUR_MS) before.last = place;
    else runs.push({ first: place, last: place, flag });
  });
  return runs.filter(({ first, last, flag }) => flag && doubtful[last].at - doubtful[first].at >= HALF_HOUR_MS);
}

/** What the forecast is held against: grey for the naive, accent for another weather. */
function dashed(steps, name, factor, colour) {
  const data = steps.filter((step) => step[name] !== null).map((step) => [step.at, step[name] * factor]);
  return { ...SILENT, type: "line", z: 5, symbol: "none", data, lineStyle: { color: colour, width: 1.5, type: [4, 3] } };
}

/** What stands under the pointer, as elements: the policy of the page allows no inline style. */
function tooltip(source, steps, { now, colours, naive }) {
  const nearest = (list, at) => list.reduce((best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best));
  return {
    trigger: "axis", confine: true, transitionDuration: 0, padding: 0, borderWidth: 0, backgroundColor: "transparent",
    axisPointer: { type: "line", snap: false, lineStyle: { color: colours["line-control"], width: 1 }, label: { show: false } },
    formatter: ([first]) => {
      const at = first.axisValue;
      const { when, rows } = at > now && steps.length ? expectedAt(nearest(steps, at), source, { at, now, naive }) : measuredAt(source, nearest, at, now);
      return el("dl", { class: "tip" }, el("dt", { class: "when" }, when), ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
    },
  };
}

function expectedAt(step, source, { at, now, naive }) {
  const said = (value) => whole(source.metric, value);
  const rows = [[t("chart.forecast"), said(step.p50)], ["p10–p90", `${said(step.p10)} – ${said(step.p90)}`]];
  if (naive && step.naive !== null) rows.push([t("chart.naive"), said(step.naive)]);
  return { when: whenWords(at, {}, now), rows };
}

function measuredAt(source, nearest, at, now) {
  const { metric, points, bars, step, ranged } = source;
  const point = bars ? bars.find((bar) => at >= bar.at && at < bar.until) : points.length && nearest(points, at);
  if (!point) return { when: whenWords(at, source, now), rows: [] };
  const rows = [[t(bars ? "chart.sum" : step ? "chart.mean" : "chart.measured"), whole(metric, point.value)]];
  if (point.partial) rows.push([t("chart.known"), t("chart.hours_known", { valid: point.valid, due: point.due })]);
  if (ranged) rows.push([t("chart.range"), `${whole(metric, point.low)} – ${whole(metric, point.high)}`]);
  const doubt = bars || step ? null : source.doubtful.find((one) => one.at === point.at);
  if (doubt) rows.push([t("chart.suspect"), doubt.flags.map((flag) => (knows(`sensor_page.flag_${flag}`) ? t(`sensor_page.flag_${flag}`) : flag)).join(", ")]);
  return { when: whenWords(step || bars ? point.at : at, source, now), rows };
}
