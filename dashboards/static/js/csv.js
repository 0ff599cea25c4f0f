/** The chart's data as a file: for a French spreadsheet, and as ISO CSV. */

import { parisIso } from "./paris.js";
import { el } from "./element.js";

const COLUMNS = ["value", "low", "high", "quality", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "naive"];
const HEADS = {
  french: ["heure", "grandeur_unite", "mesure", "min", "max", "qualite", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "naive"],
  iso: ["time", "metric", "value", "low", "high", "quality", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "naive"],
};
const BOM = "\ufeff";

/**
 * @param {{at: number, [column: string]: number}[]} rows stored units, in time order
 * @param {string} metric its name, which ends in its unit
 * @param {"french" | "iso"} kind French: semicolons, decimal commas, Paris time with its offset, a byte order mark
 */
export function csv(rows, metric, kind) {
  const french = kind === "french";
  const figure = (value) => (value === undefined || value === null ? "" : String(value).replace(".", french ? "," : "."));
  const time = (at) => (french ? parisIso(at) : new Date(at).toISOString());
  const lines = rows.map((row) => [time(row.at), metric, ...COLUMNS.map((column) => figure(row[column]))]);
  const text = [HEADS[kind], ...lines].map((line) => line.join(french ? ";" : ",")).join("\r\n");
  return `${french ? BOM : ""}${text}\r\n`;
}

/**
 * A table for a French spreadsheet: semicolons, decimal commas, a byte order mark.
 * @param {string[]} heads @param {(string | number | null)[][]} rows
 */
export function sheet(heads, rows) {
  const cell = (value) => (typeof value === "number" ? String(value).replace(".", ",") : /[;"\n]/.test(value ?? "") ? `"${value.replaceAll('"', '""')}"` : value ?? "");
  return `${BOM}${[heads, ...rows].map((line) => line.map(cell).join(";")).join("\r\n")}\r\n`;
}

/** Hand a text over as a file. */
export function download(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
