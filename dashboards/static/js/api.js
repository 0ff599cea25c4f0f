/** The public API, as any client may call it. */

import { language, t } from "./words.js";

const ROOT = "/api/v1";
const PAGE = 500;

/** An answer that is no success; `message` is for a person. */
export class Refusal extends Error {
  constructor(message, status = 0, problem = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

let offset = 0;

/** Now on the server's clock: ages must not depend on how well the visitor's own clock is set. */
export const now = () => Date.now() + offset;

/** The address of a resource; absent parameters are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null),
  );
  return ROOT + path + (query.size ? `?${query}` : "");
}

async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { "Accept-Language": language, ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(t("api.absent"));
  }
  setClock(answer.headers.get("Date"));
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const words = [body.title, body.detail].filter(Boolean).join(" : ");
  throw new Refusal(words || t("api.unexpected", { status: answer.status }), answer.status, body);
}

// The header counts whole seconds, so only a clock that is clearly off is corrected.
function setClock(header) {
  const server = Date.parse(header ?? "");
  if (!Number.isNaN(server)) offset = Math.abs(server - Date.now()) > 5000 ? server - Date.now() : 0;
}

/** Read one resource. */
export const read = (path, parameters, signal) => ask(address(path, parameters), { signal });

/** Read a whole list, page by page. */
export async function readAll(path, parameters = {}) {
  const items = [];
  let after;
  do {
    const page = await read(path, { limit: PAGE, ...parameters, after });
    items.push(...page.items);
    after = page.next;
  } while (after !== null && after !== undefined);
  return items;
}

/** Send a body, return the answer. */
export const send = (path, body, method = "POST") =>
  ask(address(path), { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

/** Send a table as CSV text, return the answer. */
export const sendCsv = (path, parameters, text) =>
  ask(address(path, parameters), { method: "POST", body: text, headers: { "Content-Type": "text/csv; charset=utf-8" } });
