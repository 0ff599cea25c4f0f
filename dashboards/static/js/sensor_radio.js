/** Liaison radio: how well a sensor is heard, by which gateways, and how late. */

import { now } from "./api.js";
import { el } from "./element.js";
import { ago, farDay, number, percent, span } from "./formats.js";
import { timePlot } from "./sensor_plot.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
// Where nothing came for three intervals the line breaks.
const BREAK = 3;

/** Draw the link; false where nothing is known of it. */
export async function showRadio({ box, links }, about) {
  const { uplink } = about;
  if (!uplink || (!uplink.received && !uplink.rssi.length)) return false;
  box.parentElement.querySelector("h2").firstChild.textContent = `${t(`sensor_page.title_${uplink.network === "lorawan" ? "radio" : "link"}`)} `;
  const network = uplink.network ? t(`sensor_page.network_${uplink.network}`) : "";
  links.replaceChildren(el("span", { class: "quiet" }, [network, uplink.interval_s ? span(uplink.interval_s * 1000) : ""].filter(Boolean).join(", ")));
  box.replaceChildren(...[uplink.rssi.length > 1 ? level(uplink) : null, facts(uplink)].filter(Boolean));
  return undefined;
}

function level({ rssi, gaps, interval_s: interval }) {
  const until = now();
  const from = until - 7 * DAY_MS;
  const points = broken(rssi.map(([at, value]) => [Date.parse(at), value]), interval);
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  const words = t("sensor_page.radio_label", { low: number(Math.min(...values)), high: number(Math.max(...values)) });
  const drawn = timePlot({
    label: words, from, until, points, tall: "radio",
    gaps: gaps.map((gap) => [Date.parse(gap.from), gap.until ? Date.parse(gap.until) : until]),
    said: (value) => number(value),
    ticks: [{ at: from, words: farDay(from) }, { at: until, words: t("sensor_page.now_end") }],
  });
  return el("figure", { class: "fig" }, el("figcaption", { class: "small quiet" }, t("sensor_page.radio_level")), drawn);
}

function broken(points, interval) {
  const line = [];
  const steps = points.slice(1).map(([at], place) => at - points[place][0]);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const longest = BREAK * Math.max(usual, (interval ?? 0) * 1000);
  points.forEach(([at, value], place) => {
    if (place && at - points[place - 1][0] > longest) line.push([at - 1, null]);
    line.push([at, value]);
  });
  return line;
}

function facts(uplink) {
  const { received, expected, ratio, delay_median_s: median, delay_p95_s: late, snr, spreading_factor: factor, gateways } = uplink;
  const row = (name, value, beside) => el("tr", {}, el("th", { scope: "row" }, t(`sensor_page.${name}`)), el("td", { class: "num" }, value, beside ? " " : null, beside ? el("span", { class: "quiet" }, beside) : null));
  const noise = snr.length ? snr.reduce((sum, [, value]) => sum + value, 0) / snr.length : null;
  const rows = [
    row("radio_received", number(received), expected ? t("sensor_page.radio_of", { expected: number(expected), share: percent(Math.min(1, ratio), 1) }) : ""),
    median === null ? null : row("radio_delay", seconds(median), late === null ? "" : t("sensor_page.radio_late", { late: seconds(late) })),
    noise === null ? null : row("radio_noise", `${number(noise, 1)}\u00a0dB`),
    factor ? row("radio_factor", `SF${factor}`) : null,
    gateways.length ? heard(gateways) : null,
  ].filter(Boolean);
  return el("table", {}, el("caption", { class: "vh" }, t("sensor_page.radio_caption")), el("tbody", {}, ...rows));
}

const seconds = (value) => (value < 90 ? `${number(value, value < 10 ? 1 : 0)}\u00a0s` : span(value * 1000));

function heard(gateways) {
  const one = ({ gateway, name, share, rssi_dbm: rssi, last_at: at }) =>
    el("li", { title: t("sensor_page.gateway_hint", { id: gateway, age: ago(Math.max(0, now() - Date.parse(at))) }) }, name || gateway, " ", el("span", { class: "quiet" }, [percent(share), rssi === null ? "" : `${number(rssi)}\u00a0dBm`].filter(Boolean).join(", ")));
  return el("tr", {}, el("th", { scope: "row" }, t("sensor_page.radio_gateways")), el("td", { class: "num" }, el("ul", { class: "gateways" }, ...gateways.map(one))));
}
