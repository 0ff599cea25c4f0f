/** The view of storage: how much there is and how it grows, what takes the room, and the files written each day. */

import { now, read } from "./api.js";
import { el, glyph } from "./element.js";
import { ago, bytes, minute, moment, number, shortDay } from "./formats.js";
import { openingRow, table } from "./table.js";
import { knows, t } from "./words.js";

const CUT = 8;
const RUNS = 20;
// A backup a day is usual; two missed ones want a look.
const BACKUP_MS_MAX = 2 * 24 * 3_600_000;
const $ = (selector) => document.querySelector(selector);

/** Read and draw the view; return what its tab says. */
export async function showStorage() {
  const [storage, schedules] = await Promise.all([read("/storage"), read("/exports/schedules")]);
  const largest = storage.relations.filter(size).sort((a, b) => size(b) - size(a));
  $("[data-storage-facts]").replaceChildren(...facts(storage));
  $("[data-relations]").replaceChildren(relationTable(largest));
  $("[data-schedules]").replaceChildren(schedules.items.length ? scheduleTable(schedules.items) : el("p", { class: "lede none" }, t("storage.no_schedule")));
  return { storage, failing: schedules.items.filter(({ failures }) => failures).length };
}

/** Whether nothing was ever backed up, or too long ago. */
export const isUnsaved = ({ backed_up_at: at }) => !at || now() - Date.parse(at) > BACKUP_MS_MAX;

const size = ({ table_bytes: table, index_bytes: index }) => table + index;

function facts(storage) {
  const { engine, server_version: server, extension_version: extension, bytes_per_day: daily, backed_up_at: saved, replica } = storage;
  const kept = t(`storage.engine_${engine}`, { server, extension });
  const backup = saved ? t("storage.backed_up", { ago: ago(now() - Date.parse(saved)) }) : t("storage.never_backed_up");
  const fact = (name, ...value) => [el("dt", {}, t(`storage.${name}`)), el("dd", {}, ...value)];
  return [
    ...fact("engine", kept),
    ...fact("growth", daily === null ? t("storage.growth_unknown") : t("storage.a_day", { size: bytes(daily) })),
    ...fact("backup", isUnsaved(storage) ? glyph("s-watch") : "", isUnsaved(storage) ? " " : "", backup),
    ...fact("connections", t("storage.of_connections", { n: number(storage.connections), max: number(storage.connections_max) })),
    ...fact("replica", t(`storage.replica_${replica}`)),
  ];
}

function relationTable(relations) {
  const heads = [[t("storage.relation")], [t("storage.rows"), "num"], [t("storage.size"), "num"], [t("storage.daily"), "num wide"], [t("storage.compressed"), "num wide"]];
  const rows = relations.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "who" }, relationWords(one.relation), el("span", { class: "quiet" }, el("code", {}, one.relation)))),
      el("td", { class: "num" }, number(one.rows)),
      el("td", { class: "num" }, bytes(size(one))),
      el("td", { class: "num wide" }, one.bytes_per_day === null ? "–" : bytes(one.bytes_per_day)),
      el("td", { class: "num wide" }, one.compression_ratio === null ? "–" : t("storage.ratio", { n: number(one.compression_ratio, 1) })),
    ),
  );
  return table(t("storage.relations"), heads, rows, { cut: CUT });
}

const relationWords = (name) => (knows(`storage.is_${name}`) ? t(`storage.is_${name}`) : t("storage.is_other"));

function scheduleTable(schedules) {
  const heads = [[t("storage.schedule")], [t("storage.destination"), "wide"], [t("storage.state")]];
  const rows = schedules.map((one) => openingRow([one.name], [el("td", { class: "wide" }, el("code", {}, one.destination)), el("td", {}, scheduleState(one))], () => runsOf(one)));
  return table(t("storage.schedules"), heads, rows, { cut: CUT });
}

function scheduleState({ failures, failure, succeeded_at: done, next_try_at: next }) {
  if (failures) {
    const again = t("storage.failed", { n: number(failures), next: moment(Date.parse(next), now(), minute) }, failures);
    return el("span", { class: "who" }, el("span", { class: "state" }, glyph("s-alarm"), again), el("span", { class: "quiet" }, failure));
  }
  const words = done ? t("storage.written", { ago: ago(now() - Date.parse(done)) }) : t("storage.not_yet");
  return el("span", { class: "state" }, glyph(done ? "s-normal" : "s-silent"), words);
}

/** The files of a schedule, the newest first. */
async function runsOf({ schedule_id: id }) {
  const { items } = await read(`/exports/schedules/${id}/runs`, { limit: RUNS });
  if (!items.length) return [el("p", { class: "lede none" }, t("storage.no_run"))];
  const heads = [[t("storage.day")], [t("storage.file"), "wide"], [t("storage.rows"), "num"], [t("storage.size"), "num"], [t("storage.written_at"), "num"]];
  const rows = items.map((run) =>
    el(
      "tr",
      {},
      // A day is of Paris: noon of UTC is in it.
      el("th", { scope: "row" }, shortDay(Date.parse(`${run.day}T12:00Z`)), run.corrects ? el("span", { class: "quiet" }, ` ${t("storage.corrects")}`) : ""),
      el("td", { class: "wide" }, el("code", {}, run.file)),
      el("td", { class: "num" }, number(run.rows)),
      el("td", { class: "num" }, bytes(run.bytes)),
      el("td", { class: "num" }, moment(Date.parse(run.written_at), now(), minute)),
    ),
  );
  return [table(t("storage.runs"), heads, rows)];
}
