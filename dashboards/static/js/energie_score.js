/** The score of a day: load, tariff, each asset and the zone as staves on one clock. */

import { Clock, WIDTH, axis, between, hourLabels, label, line, path, plot, runs, stairs } from "./energie_plot.js";
import { el } from "./element.js";
import { number, prose } from "./formats.js";
import { t } from "./words.js";

const LOAD = 340;
const ASSET = 40;
const ZONE = 60;
const MOVED_KW = 0.1;
// Less than this share of an asset's highest power is no action that a person would see.
const SEEN_RATIO = 0.04;
const DEAR_RATIO = 1.5;
const SEEN_KH = 0.05;
const LABEL_SHARE = 0.06;

/** All staves of a decision. */
export function staves(decision) {
  const { picture } = decision;
  const clock = new Clock(picture);
  return [
    loadStave(decision, clock),
    tariffStave(picture, clock),
    marginalStave(picture),
    ...(picture.assets.length ? [el("h3", {}, t("energie.actions"), actionLegend())] : []),
    ...picture.assets.map((asset) => assetStave(asset, clock)),
    ...(picture.zone ? zoneStaves(decision, clock) : []),
  ];
}

function stave(kind, name, under, drawing, value = [], note = "") {
  return el(
    "div",
    { class: `pr ${kind}` },
    el("div", { class: "pk" }, el("b", {}, name), el("span", {}, under)),
    el("div", { class: "pp" }, drawing),
    el("div", { class: "pv" }, el("b", {}, ...value), el("span", {}, note)),
  );
}

const unit = (text) => el("span", { class: "unit" }, `\u00a0${text}`);

function loadStave({ picture, figures }, clock) {
  const limit = picture.subscribed_kw;
  const most = Math.max(...picture.baseline_p90_kw, ...picture.planned_kw);
  // A limit that is far away would flatten the day: it is then only named.
  const near = limit < 1.6 * most;
  const { step, top } = axis(near ? Math.max(most, limit) * 1.04 : most);
  const grid = Array.from({ length: Math.round(top / step) }, (_, n) => (n + 1) * step);
  const y = (value) => (LOAD * (1 - value / top)).toFixed(1);
  const parts = [
    path("g-axis", `M0 ${LOAD}H${WIDTH}`),
    ...grid.map((value) => path("g-grid", `M0 ${y(value)}H${WIDTH}`)),
    path("g-reffan", between(picture.baseline_p10_kw, picture.baseline_p90_kw, LOAD, top)),
    path("g-ref", stairs(picture.baseline_kw, LOAD, top)),
    path("g-fc", stairs(picture.planned_kw, LOAD, top)),
    ...(near ? [path("g-limit", `M0 ${y(limit)}H${WIDTH}`)] : []),
  ];
  const labels = [
    ...[0, ...grid].map((value) => label("ty", number(value, Number.isInteger(value) ? 0 : 1), { bottom: value / top })),
    ...hourLabels(clock),
    label("lb alarm e", t("energie.subscribed", { kw: number(limit) }), { left: 0.995, bottom: near ? limit / top + 0.035 : 0.965 }),
    ...peakLabels(picture, clock, top),
  ];
  const words = {
    from: prose(clock.start), until: prose(clock.end), alone: number(figures.baseline_peak_kw), plan: number(figures.peak_kw),
  };
  const drawing = plot(t("energie.load_label", words), LOAD, parts, labels, "tall");
  if (picture.shed) drawing.prepend(...shedBand(picture.shed, clock));
  const cut = figures.peak_kw - figures.baseline_peak_kw;
  const moved = Math.abs(cut) >= 0.5;
  return stave("load", t("energie.load"), t("energie.load_sub"), drawing, moved ? [number(cut), unit("kW")] : [], t(moved ? "energie.cut" : "energie.same"));
}

function peakLabels(picture, clock, top) {
  const mark = (values, key, kind) => {
    const most = Math.max(...values);
    const left = (values.indexOf(most) + 0.5) / clock.steps;
    return label(`lb ${kind}${side(left)}`, t(key, { kw: number(most) }), { left, bottom: most / top + (kind === "fc" ? -0.06 : 0.05) });
  };
  return [mark(picture.baseline_kw, "energie.alone_peak", "ref"), mark(picture.planned_kw, "energie.plan_peak", "fc")];
}

/** How a label hangs on its point, so that no edge cuts it. */
const side = (left) => (left > 0.85 ? " e" : left < 0.12 ? "" : " c");

function shedBand(shed, clock) {
  const [from, until] = [shed.start, shed.end].map((at) => clock.share(Date.parse(at)));
  const band = el("i", { class: "band sel" });
  band.style.left = `${from * 100}%`;
  band.style.width = `${(until - from) * 100}%`;
  return [band, label(`lb fc${side(from)}`, t("energie.shed_band"), { left: side(from) === " c" ? (from + until) / 2 : from, bottom: 0.04 })];
}

function tariffStave(picture, clock) {
  const cheapest = Math.min(...picture.price_eur_per_kwh);
  const steps = picture.price_eur_per_kwh.map((price, place) => ({ price, hours: picture.hours[place], colour: picture.colours[place] }));
  const coloured = new Set(picture.colours).size > 1 || picture.colours[0] !== "blue";
  const items = runs(steps, (step) => `${step.price} ${step.hours} ${step.colour}`).map(([first, last, { price, hours, colour }]) => {
    const level = price <= cheapest ? "lo" : price > cheapest * DEAR_RATIO + 0.01 ? "hi" : "mid";
    const share = (last - first) / clock.steps;
    const name = [coloured ? t(`energie.colour_${colour}`) : "", t(hours === "off_peak" ? "energie.off_peak" : "energie.peak_hours")].filter(Boolean).join(" ");
    const cents = number(price * 100, 1);
    const item = el("li", { class: level, title: `${prose(clock.at(first))}, ${name} ${cents}` }, share > 0.14 ? el("span", { class: "opt" }, name) : null, share > LABEL_SHARE / 2 ? cents : "");
    item.style.left = `${(first / clock.steps) * 100}%`;
    item.style.width = `${share * 100}%`;
    return item;
  });
  return stave("", t("energie.tariff"), t("energie.tariff_sub"), el("ul", { class: "tariff" }, ...items));
}

function marginalStave(picture) {
  const cents = picture.marginal_eur_per_kwh.map((price) => price * 100);
  const [low, high] = [Math.min(...cents, 0), Math.max(...cents)];
  const words = { low: number(Math.min(...cents), 1), high: number(high, 1) };
  const drawing = plot(t("energie.marginal_label", words), ASSET, [path("g-grid", `M0 ${ASSET}H${WIDTH}`), path("g-fc", stairs(cents, ASSET, high, low))], [], "low");
  return stave("zone", t("energie.marginal"), t("energie.marginal_sub"), drawing, [t("energie.range_c", words)], "");
}

function actionLegend() {
  return el("span", { class: "lg2" }, el("i", { class: "on" }), t("energie.more"), el("i", { class: "off" }), t("energie.less"));
}

/** What is drawn more than without a plan, solid; what is drawn less, hatched. */
function assetStave(asset, clock) {
  const seen = Math.max(MOVED_KW, SEEN_RATIO * Math.max(...asset.planned_kw, ...asset.baseline_kw));
  const change = asset.planned_kw.map((kw, place) => {
    const more = kw - asset.baseline_kw[place];
    return Math.abs(more) < seen ? 0 : Math.sign(more);
  });
  const bars = runs(change).filter(([, , way]) => way).map(([first, last, way]) => {
    const bar = el("i", { class: way > 0 ? "on" : "off", title: `${prose(clock.at(first))} – ${prose(clock.at(last))}` });
    bar.style.left = `${(first / clock.steps) * 100}%`;
    bar.style.width = `${((last - first) / clock.steps) * 100}%`;
    return bar;
  });
  const moved = number(asset.moved_kwh);
  const drawing = el("span", { class: "gant", role: "img", "aria-label": t("energie.asset_label", { name: asset.name, moved }) }, ...bars);
  const first = runs(asset.planned_kw, (kw) => Math.sign(Math.round(kw / MOVED_KW))).filter(([, , kw]) => kw > MOVED_KW);
  const when = first.slice(0, 2).map(([from, until]) => `${prose(clock.at(from))} – ${prose(clock.at(until))}`).join(", ");
  const note = asset.moved_kwh >= MOVED_KW ? "" : t("energie.unmoved");
  return stave("act", asset.name, when, drawing, asset.moved_kwh >= MOVED_KW ? [t("energie.moved", { kwh: moved })] : [], note);
}

function zoneStaves({ picture, figures }, clock) {
  const { zone } = picture;
  const wanted = zone.bands_c.filter(Boolean);
  const all = [...zone.planned_c, ...wanted.flat()];
  const [low, high] = [Math.min(...all) - 0.5, Math.max(...all) + 0.5];
  const y = (value) => (ZONE * (1 - (value - low) / (high - low))).toFixed(1);
  const x = (place) => ((place / clock.steps) * WIDTH).toFixed(1);
  const boxes = runs(zone.bands_c, JSON.stringify).filter(([, , band]) => band).map(([first, last, band]) => path("g-ok", `M${x(first + 1)} ${y(band[1])}H${x(last)}V${y(band[0])}H${x(first + 1)}Z`));
  const inside = zone.planned_c.filter((_, place) => zone.bands_c[place]);
  const shown = inside.length ? inside : zone.planned_c;
  const words = { name: zone.name, low: number(Math.min(...shown), 1), high: number(Math.max(...shown), 1) };
  const drawing = plot(t("energie.zone_label", words), ZONE, [...boxes, path("g-ref", line(zone.baseline_c, ZONE, high, low)), path("g-fc", line(zone.planned_c, ZONE, high, low))], [], "mid");
  const out = figures.comfort_kh >= SEEN_KH ? t("energie.outside", { kh: number(figures.comfort_kh, 1) }) : t("energie.within");
  const limits = wanted.length ? `${number(Math.min(...wanted.map(([c]) => c)), 1)} – ${number(Math.max(...wanted.map(([, c]) => c)), 1)}\u00a0°C` : "";
  return [
    el("h3", {}, t("energie.comfort_title"), el("span", { class: "lg2" }, el("i", { class: "okk" }), t("energie.band"))),
    stave("zone", zone.name, limits, drawing, [t("energie.range_c", words), unit("°C")], out),
    outdoorStave(zone),
  ];
}

function outdoorStave({ outdoor_c: outdoor }) {
  const [low, high] = [Math.min(...outdoor), Math.max(...outdoor)];
  const words = { low: number(low, 1), high: number(high, 1) };
  const drawing = plot(t("energie.outdoor_label", words), ASSET, [path("g-fc", line(outdoor, ASSET, high + 0.5, low - 0.5))], [], "low");
  return stave("zone", t("energie.outdoor"), t("energie.outdoor_sub"), drawing, [low === high ? words.low : t("energie.range_c", words), unit("°C")], "");
}
