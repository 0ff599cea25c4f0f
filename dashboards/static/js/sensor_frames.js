/** Trames reçues: the last messages of a sensor as they came, and how each was read, step by step. */

import { now, read, Refusal } from "./api.js";
import { el, glyph } from "./element.js";
import { bytes, clock, moment } from "./formats.js";
import { openingRow, table } from "./table.js";
import { language, t } from "./words.js";

const CUT = 5;

/** List the frames; false where none is kept. */
export async function showFrames({ box, links }, { sensor }) {
  const items = await readFrames(sensor.sensor_id);
  if (!items.length) return false;
  links.replaceChildren(el("span", { class: "quiet" }, t("sensor_page.frames_kept", { n: items.length })));
  const heads = [[t("sensor_page.frame_at")], [t("sensor_page.frame_outcome")], [t("data.topic"), "wide"], [t("data.size"), "num"]];
  const rows = items.map((frame) =>
    openingRow(
      [el("span", {}, moment(Date.parse(frame.received_at), now(), clock))],
      [el("td", {}, outcome(frame)), el("td", { class: "wide" }, el("code", { class: "quiet" }, frame.topic)), el("td", { class: "num" }, bytes(frame.size_bytes))],
      async () => steps(await read(`/sensors/${sensor.sensor_id}/frames/${frame.slot}`, { language })),
    ),
  );
  box.replaceChildren(table(t("sensor_page.title_frames"), heads, rows, { cut: CUT }));
  return undefined;
}

/** Raw frames are for those who tend sensors: nobody else is told that there are any. */
async function readFrames(id) {
  try {
    return (await read(`/sensors/${id}/frames`)).items;
  } catch (error) {
    if (error instanceof Refusal && [403, 404].includes(error.status)) return [];
    throw error;
  }
}

function outcome({ outcome: said }) {
  return el("span", { class: "state wrap" }, glyph(["stored", "duplicate"].includes(said) ? "s-normal" : "s-refused"), t(`sensor_page.outcome_${said}`));
}

/** The steps of reading a frame, in order; what was refused ends them. */
function steps({ payload_text: text, payload_hex: hex, steps: all }) {
  const raw = el("details", {}, el("summary", {}, t("sensor_page.frame_raw")), el("pre", { class: "raw", tabindex: "0" }, text || hex || t("data.empty_payload")));
  const list = all.map(({ name, said, fields }) => {
    const facts = fields.length ? el("dl", { class: "facts" }, ...fields.flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, value)])) : null;
    return el("li", {}, el("strong", {}, t(`sensor_page.step_${name}`)), said ? el("p", {}, said) : null, facts);
  });
  return [el("ol", { class: "steps" }, ...list), raw];
}
