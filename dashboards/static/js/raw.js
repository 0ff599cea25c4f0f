/** A refused message as it came: what it says, its bytes, and which decoder read it. */

import { now } from "./api.js";
import { el } from "./element.js";
import { clock, moment, number } from "./formats.js";
import { t } from "./words.js";

const HEX_BYTES_MAX = 4096;
const LETTERS_MAX = 20_000;
const LINE_BYTES = 16;

/** The facts of one refused message, as the API gives it whole. */
export function rawFacts(item) {
  const bytes = Uint8Array.from(atob(item.payload_base64), (letter) => letter.charCodeAt(0));
  return el(
    "dl",
    { class: "facts" },
    ...fact("data.detail", el("span", { lang: "en" }, item.detail)),
    ...fact("data.decoder", item.decoder || t("data.no_decoder")),
    ...fact("data.topic", el("code", {}, item.topic)),
    ...(item.times > 1 ? fact("data.times", t("data.came", { n: number(item.times), last: at(item.last_received_at) })) : []),
    ...(item.replayed_at ? fact("data.replayed", t(`data.settled_${item.settled_as ?? "not"}`, { at: at(item.replayed_at) })) : []),
    ...fact("data.size", t("data.bytes", { n: number(item.size_bytes) })),
    ...fact("data.raw", payload(bytes, item.size_bytes)),
  );
}

const at = (text) => moment(Date.parse(text), now(), clock);
const fact = (key, value) => [el("dt", {}, t(key)), el("dd", {}, value)];

/** The payload in the forms that it has: JSON indented, text, bytes. */
function payload(bytes, size) {
  const text = textOf(bytes);
  const forms = [["json", text && indented(text)], ["text", text], ["hex", hex(bytes)]].filter(([, body]) => body);
  if (!forms.length) return el("span", { class: "quiet" }, t("data.empty_payload"));
  const shown = el("code");
  const buttons = forms.map(([form, body]) => el("button", { type: "button", onclick: () => show(form, body) }, t(`data.form_${form}`)));
  function show(form, body) {
    shown.textContent = body.length > LETTERS_MAX ? `${body.slice(0, LETTERS_MAX)}…` : body;
    for (const [place, [name]] of forms.entries()) buttons[place].setAttribute("aria-pressed", String(name === form));
  }
  show(...forms[0]);
  return el(
    "div",
    {},
    el("div", { class: "links", role: "group", "aria-label": t("data.raw") }, ...buttons),
    el("pre", { tabindex: "0" }, shown),
    bytes.length < size ? el("p", { class: "quiet small" }, t("data.cut", { n: number(bytes.length) })) : null,
  );
}

/** The bytes as text, null where they are none. */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function indented(text) {
  try {
    const found = JSON.parse(text);
    return typeof found === "object" && found ? JSON.stringify(found, null, 2) : null;
  } catch {
    return null;
  }
}

/** Offset, sixteen bytes, and their letters, as a hex viewer has them. */
export function hex(bytes) {
  const lines = [];
  for (let start = 0; start < Math.min(bytes.length, HEX_BYTES_MAX); start += LINE_BYTES) {
    const part = [...bytes.slice(start, start + LINE_BYTES)];
    const pairs = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${start.toString(16).padStart(4, "0")}  ${pairs.padEnd(3 * LINE_BYTES - 1)}  ${letters}`);
  }
  if (bytes.length > HEX_BYTES_MAX) lines.push("…");
  return lines.join("\n");
}
