/** The journal of a sensor: what people did, what was raised, refused or calibrated; and noting what one has just done. */

import { now, read, send, sendFile, withdraw } from "./api.js";
import { ask, line, option } from "./dialog.js";
import { el, glyph } from "./element.js";
import { minute, moment, number } from "./formats.js";
import { fromField, toField } from "./paris.js";
import { may } from "./rights.js";
import { changedWords } from "./sensor_history.js";
import { language, t } from "./words.js";

const PAGE = 40;
// So many entries of alarms one after the other are one line that opens.
const RUN = 3;
const WHAT = ["battery_changed", "moved", "calibrated", "cleaned", "repaired", "installed", "remark", "other"];
// As the server bounds them: what a phone takes is larger, and is made smaller here before a long upload.
const PHOTOS = 8;
const PHOTO_PX = 2400;
const PHOTO_BYTES = 5 * 1024 * 1024;
const TYPES = ["image/jpeg", "image/png", "image/webp"];
const SAID_MAX = 2000;

/** List the journal, the newest first. */
export async function showJournal({ box }, about) {
  const list = el("ol", { class: "journal" });
  const more = el("p", { class: "links more" });
  box.replaceChildren(list, more);
  await extend(list, more, about, null);
  if (!list.childElementCount) box.replaceChildren(el("p", { class: "lede small none" }, t("sensor_page.journal_empty")));
}

async function extend(list, more, about, before) {
  const { items, next } = await read(`/sensors/${about.sensor.sensor_id}/journal`, { limit: PAGE, before, language });
  list.append(...runs(items).map((run) => (run.length < RUN ? run.map((item) => entry(item, about)) : [folded(run, about)])).flat());
  more.replaceChildren(...(next === null ? [] : [el("button", { type: "button", onclick: () => extend(list, more, about, next) }, t("data.older"))]));
}

/** Entries with those of alarms that follow each other together. */
function runs(items) {
  const found = [];
  for (const item of items) {
    const last = found.at(-1);
    if (item.kind === "alarm" && last?.[0].kind === "alarm") last.push(item);
    else found.push([item]);
  }
  return found;
}

function folded(run, about) {
  const [newest, oldest] = [run[0], run.at(-1)].map(({ at }) => moment(Date.parse(at), now(), minute));
  const words = t("sensor_page.journal_run", { n: number(run.length), from: oldest }, run.length);
  const inside = el("ol", { class: "journal" }, ...run.map((item) => entry(item, about)));
  return el("li", {}, el("time", { datetime: run[0].at }, newest), el("details", {}, el("summary", {}, words), inside));
}

const GLYPHS = { raised: "s-alarm", escalated: "s-alarm", cleared: "s-normal", withdrawn: "s-normal", snoozed: "s-muted", commented: "s-normal", remark: "s-normal" };

function entry(item, about) {
  const { at, what, role, photos } = item;
  const said = wordsOf(item);
  return el(
    "li",
    {},
    el("time", { datetime: at }, moment(Date.parse(at), now(), minute)),
    el(
      "div",
      {},
      el("strong", { class: "state wrap" }, glyph(GLYPHS[what] ?? "s-done"), titleOf(item)),
      role ? el("span", { class: "quiet" }, " ", t("sensor.by", { by: t(`role.${role}`).toLowerCase() })) : null,
      said ? el("p", {}, said) : null,
      photos.length ? el("p", { class: "photos" }, ...photos.map((photo) => thumbnail(photo, item))) : null,
      item.kind === "intervention" && mayNote(about) ? removal(item, about) : null,
    ),
  );
}

const TITLES = { intervention: "sensor_page.what", change: "sensor.did", alarm: "sensor_page.journal" };
const titleOf = ({ kind, what }) => t(`${TITLES[kind]}_${what}`);

function wordsOf({ kind, what, said, before, after, alarm, until }) {
  // An adoption says everything of the sensor: the page does already.
  if (kind === "change") return what === "adopted" || !after ? said : changedWords(before ?? {}, after);
  if (kind !== "alarm") return said;
  const end = until ? t("supervision.until_then", { time: moment(Date.parse(until), now()) }) : "";
  return [alarm?.title, end, said].filter(Boolean).join(" · ");
}

const mayNote = ({ sensor }) => may("tend", sensor.site.commune_insee, sensor.site.site_id);

function thumbnail({ url, small_url: small }, item) {
  const words = t("sensor_page.photo_of", { what: titleOf(item), at: moment(Date.parse(item.at), now()) });
  const enlarge = () => ask({ title: words, body: [el("img", { class: "full", src: url, alt: words })], label: t("dialog.close"), act: async () => {}, kind: "large", asks: false });
  return el("button", { type: "button", class: "photo", onclick: enlarge }, el("img", { src: small, alt: words, loading: "lazy", width: 96, height: 72 }));
}

function removal({ number: id, what }, about) {
  const remove = () =>
    ask({
      title: t("sensor_page.remove_title"),
      body: [el("p", { class: "lede" }, t("sensor_page.remove_lede", { what: t(`sensor_page.what_${what}`) }))],
      label: t("sensor_page.remove"),
      act: async () => {
        await withdraw(`/interventions/${id}`);
        await about.again(t("sensor_page.removed"));
      },
    });
  return el("button", { class: "btn plain remove", type: "button", onclick: remove }, t("sensor_page.remove"));
}

/** The form that notes an intervention; false for who may not. */
export async function showNote({ box }, about) {
  if (!mayNote(about)) return false;
  const what = el("select", { name: "what" }, ...WHAT.map((name) => option(name, t(`sensor_page.what_${name}`))));
  const at = el("input", { type: "datetime-local", name: "at", required: true, value: toField(now()), max: toField(now() + 60_000) });
  const said = el("textarea", { name: "said", rows: 4, maxlength: SAID_MAX, placeholder: t("sensor_page.said_hint") });
  const photos = el("input", { type: "file", name: "photos", accept: TYPES.join(","), multiple: true });
  const error = el("p", { role: "alert", class: "note alarm", hidden: true });
  const progress = el("p", { class: "small quiet", role: "status" });
  const add = el("button", { class: "btn", type: "submit" }, t("sensor_page.add"));
  const form = el("form", { class: "form", onsubmit: submit }, line(t("sensor_page.what"), what), line(t("sensor_page.when"), at), line(t("sensor_page.said"), said), line(t("sensor_page.photos"), photos, t("sensor_page.photos_hint", { n: PHOTOS })), error, progress, add);
  photos.addEventListener("change", () => photos.setCustomValidity(photoFault([...photos.files])));
  async function submit(event) {
    event.preventDefault();
    add.disabled = true;
    error.hidden = true;
    try {
      await keep(about, { what: what.value, at: new Date(fromField(at.value)).toISOString(), said: said.value.trim() }, [...photos.files], (words) => (progress.textContent = words));
      form.reset();
      at.value = toField(now());
      await about.again(t("sensor_page.noted"));
    } catch (refusal) {
      error.textContent = t("dialog.refused", { why: refusal.message });
      error.hidden = false;
    } finally {
      progress.textContent = "";
      add.disabled = false;
    }
  }
  box.replaceChildren(form);
  return undefined;
}

/** What is wrong with the photos chosen, "" where nothing is. */
export function photoFault(files) {
  if (files.length > PHOTOS) return t("sensor_page.too_many_photos", { n: PHOTOS });
  return files.some(({ type }) => !TYPES.includes(type)) ? t("sensor_page.no_photo") : "";
}

/** A photo as it may be sent: upright, and small enough. */
async function fitted(file) {
  if (file.size <= PHOTO_BYTES) return file;
  const picture = await createImageBitmap(file);
  const share = Math.min(1, PHOTO_PX / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.round(picture.width * share), Math.round(picture.height * share));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}

async function keep(about, body, files, told) {
  const { intervention_id: id } = await send(`/sensors/${about.sensor.sensor_id}/interventions`, body);
  for (const [place, file] of files.entries()) {
    told(t("sensor_page.sending_photo", { n: place + 1, of: files.length }));
    await sendFile(`/interventions/${id}/photos`, await fitted(file));
  }
}
