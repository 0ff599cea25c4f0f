/** Numbers, times and values as a person of here reads them. */

import { daysFrom } from "./paris.js";
import { language, t } from "./words.js";

const LOCALE = language === "fr" ? "fr-FR" : "en-GB";
const ZONE = { timeZone: "Europe/Paris" };
const NB = "\u00a0";
const fixed = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);
const formatters = {
  second: new Intl.DateTimeFormat(LOCALE, { ...ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  minute: new Intl.DateTimeFormat(LOCALE, { ...ZONE, hour: "2-digit", minute: "2-digit" }),
  date: new Intl.DateTimeFormat(LOCALE, { ...ZONE, weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  day: new Intl.DateTimeFormat(LOCALE, { ...ZONE, weekday: "short", day: "numeric" }),
  long: new Intl.DateTimeFormat(LOCALE, { ...ZONE, weekday: "short", day: "numeric", month: "short", year: "numeric" }),
  month: new Intl.DateTimeFormat(LOCALE, { ...ZONE, month: "short" }),
  monthYear: new Intl.DateTimeFormat(LOCALE, { ...ZONE, month: "long", year: "numeric" }),
  year: new Intl.DateTimeFormat(LOCALE, { ...ZONE, year: "numeric" }),
  far: new Intl.DateTimeFormat(LOCALE, { ...ZONE, day: "numeric", month: "short" }),
};

/** `1 234,5` */
export function number(value, digits = 0) {
  const text = fixed[digits].format(value);
  return Number(value) < 0 ? text.replace("-", "−") : text;
}

/** `94,4 %` of a ratio. */
export function percent(ratio, digits = 0) {
  return number(ratio * 100, digits) + (language === "fr" ? `${NB}%` : "%");
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

/** `1,3 Go`: thousands of bytes, as disks are sold. */
export function bytes(count) {
  const rank = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(count))) / 3)));
  const shown = count / 1000 ** rank;
  return t("size", { n: number(shown, rank && Math.abs(shown) < 100 ? 1 : 0), unit: language === "fr" ? SIZES[rank].replace("B", "o") : SIZES[rank] });
}

export const clock = (at) => formatters.second.format(at);
export const minute = (at) => formatters.minute.format(at);
export const date = (at) => formatters.date.format(at);
export const shortDay = (at) => formatters.day.format(at);
export const longDay = (at) => formatters.long.format(at);
export const month = (at) => formatters.month.format(at);
export const monthYear = (at) => formatters.monthYear.format(at);
export const year = (at) => formatters.year.format(at);
export const farDay = (at) => formatters.far.format(at);

/** The hour in prose: `10 h 42` in French, `10:42` in English. */
export function prose(at, { seconds = false } = {}) {
  if (language === "en") return seconds ? clock(at) : minute(at);
  const [h, m, s] = clock(at).split(":");
  const hour = `${Number(h)}${NB}h${NB}${m}`;
  return seconds ? `${hour}${NB}min${NB}${s}${NB}s` : hour;
}

/** The hour, with the day named when it is not today. */
export function moment(at, now, time = prose) {
  const away = daysFrom(now, at);
  if (away === 0) return time(at);
  const day = { "-1": t("day.yesterday"), 1: t("day.tomorrow") }[away] ?? (Math.abs(away) < 7 ? shortDay(at) : farDay(at));
  return t("day.at", { day, time: time(at) });
}

/** `il y a 4 s`, `il y a 1 h 10`, `il y a 3 jours`. */
export function ago(ms) {
  const s = Math.round(ms / 1000);
  if (s < 1) return t("age.now");
  if (s < 60) return t("age.seconds", { n: s });
  if (s < 3600) return t("age.minutes", { n: Math.floor(s / 60) });
  if (s < 86_400) {
    const [n, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
    return m && n < 6 ? t("age.hours_minutes", { n, m: String(m).padStart(2, "0") }) : t("age.hours", { n });
  }
  return t("age.days", { n: Math.floor(s / 86_400) });
}

/** How long something has lasted, as exactly as matters: `24 min`, `1 h 10`, `3 jours`. */
export function lasting(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return t("span.minutes", { n: minutes });
  if (minutes >= 1440) return t("span.days", { n: Math.floor(minutes / 1440) });
  const [n, m] = [Math.floor(minutes / 60), minutes % 60];
  return m ? t("span.hours_minutes", { n, m: String(m).padStart(2, "0") }) : t("span.hours", { n });
}

/** A length of time: `3 h`, `15 min`, `2 jours`. */
export function span(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return t("span.minutes", { n: minutes });
  return minutes < 2880 ? t("span.hours", { n: Math.round(minutes / 60) }) : t("span.days", { n: Math.round(minutes / 1440) });
}

const isRatio = (metric) => metric.metric.endsWith("_ratio");
const isState = (metric) => metric.nature === "state";
const isCount = (metric) => metric.nature === "count";

/** What a stored value is multiplied by on screen: percent for shares. */
export const scale = (metric) => (isRatio(metric) || isState(metric) ? 100 : 1);

/** The unit beside a value or in a chart's title. */
export function unit(metric, { chart = false } = {}) {
  if (isRatio(metric)) return "%";
  if (isState(metric)) return chart ? t(`unit.${metric.metric}`) : "";
  return isCount(metric) ? t(metric.summed ? "unit_sum" : `unit.${metric.metric}`) : metric.unit;
}

/** Digits after the comma that a reading of this size deserves. */
function digits(metric, shown) {
  if (metric.unit === "V") return 2;
  if (scale(metric) === 100 || isCount(metric) || metric.unit === "ppm") return 0;
  return Math.abs(shown) < 100 ? 1 : 0;
}

/** A value as a bare number on the screen's scale. */
export function bare(metric, value) {
  const shown = value * scale(metric);
  return number(shown, digits(metric, shown));
}

/** A measured value in words or figures, without its unit: `1 840`, `occupée`. */
export function measured(metric, value) {
  if (isState(metric) && (value === 0 || value === 1)) return t(`value.${metric.metric}_${value}`);
  return isState(metric) ? percent(value) : bare(metric, value);
}

/** A value with its unit, unbroken. A share of time is a percentage. */
export function whole(metric, value) {
  if (scale(metric) === 100) return percent(value);
  const name = unit(metric);
  return name ? `${bare(metric, value)}${NB}${name}` : bare(metric, value);
}

/** `900 à 1 250`, with the unit when asked. */
export function range(metric, low, high) {
  return t("list.range", { low: bare(metric, low), high: whole(metric, high) });
}
