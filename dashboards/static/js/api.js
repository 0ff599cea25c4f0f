/** The public API, as any client may call it. */

import { knows, language, t } from "./words.js";

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

let leaving = false;
let offset = 0;
let csrf = "";

/** Now on the server's clock: ages must not depend on how well the visitor's own clock is set. */
export const now = () => Date.now() + offset;

/** What every request that changes something must show, so that no other page can make it: from `GET /me`. */
export const showToken = (token) => (csrf = token ?? "");

/** The address of a resource; absent parameters are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null),
  );
  return ROOT + path + (query.size ? `?${query}` : "");
}

async function ask(url, options = {}, again = false) {
  const answer = await reach(url, options);
  setClock(answer.headers.get("Date"));
  if (answer.status === 401) return signIn();
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  // Signed in anew in another tab: this one still shows the token of the session before.
  if (body.code === "csrf_refused" && !again) {
    showToken((await ask(address("/me"))).csrf);
    return ask(url, options, true);
  }
  throw new Refusal(refusalWords(answer, body), answer.status, body);
}

async function reach(url, options) {
  const token = options.method ? { "X-CSRF-Token": csrf } : {};
  try {
    return await fetch(url, { ...options, headers: { "Accept-Language": language, ...token, ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(t("api.absent"));
  }
}

/** Nobody is let in any more: sign in, and come back to this very address; a link's page has a door of its own. */
function signIn() {
  const { door } = document.documentElement.dataset;
  // Who leaves is on their way to where the session began: what still asks meanwhile must not lead elsewhere.
  if (!leaving) location.assign(door ?? `/signin?${new URLSearchParams({ next: location.pathname + location.search })}`);
  // The page is on its way out: nothing of it goes on.
  return new Promise(() => {});
}

function refusalWords(answer, body) {
  const who = `rights.who.${body.right}`;
  if (answer.status === 403 && knows(who)) return t("rights.refused", { who: t(who) });
  return [body.title, body.detail].filter(Boolean).join(" : ") || t("api.unexpected", { status: answer.status });
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

/** Withdraw a resource. */
export const withdraw = (path, parameters) => ask(address(path, parameters), { method: "DELETE" });

/** Leave: the session ends here and on the server. */
export async function signOut() {
  leaving = true;
  try {
    const answer = await reach("/signout", { method: "POST", redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok && answer.status !== 401) throw new Refusal(t("api.unexpected", { status: answer.status }), answer.status);
  } catch (error) {
    leaving = false;
    throw error;
  }
  // From there on to the identity provider, where the session began there; else to the sign-in.
  location.assign("/signout");
}

/** Send a table as CSV text, return the answer. */
export const sendCsv = (path, parameters, text) =>
  ask(address(path, parameters), { method: "POST", body: text, headers: { "Content-Type": "text/csv; charset=utf-8" } });

/** Send a file as it is, with its own type, return the answer. */
export const sendFile = (path, file) => ask(address(path), { method: "POST", body: file, headers: { "Content-Type": file.type } });
