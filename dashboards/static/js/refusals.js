/** The view of what was refused: by reason and sensor, the newest messages, quarantine, and what was let go of. */

import { now, read } from "./api.js";
import { choices } from "./choice.js";
import { el, glyph } from "./element.js";
import { clock, moment } from "./formats.js";
import { letGo, prunedList } from "./kept.js";
import { messageList, readMessages } from "./messages.js";
import { Period } from "./period.js";
import { replayOf } from "./replay.js";
import { may } from "./rights.js";
import { sensorPage } from "./sensor_page.js";
import { figureCell, openingRow, table } from "./table.js";
import { get, put } from "./url.js";
import { t } from "./words.js";

const DAY_MS = 24 * 3_600_000;
const CUT = 20;
const $ = (selector) => document.querySelector(selector);
const period = new Period("since", ["24h", "7d", "90d"], "7d");

/**
 * Read and draw the view.
 * @param {{commune: {insee: string, name: string}, names: Map<string, string>, again: () => void}} about `names` of sensors by identifier
 * @returns what the page says of it: counts by reason over 24 hours, and how many kept messages can be replayed
 */
export async function showRefusals(about) {
  const commune = scoped() ? about.commune.insee : undefined;
  const until = now();
  const since = new Date(period.since(until)).toISOString();
  const [counts, { items: groups }, page, { items: pruned }] = await Promise.all([
    read("/rejections/counts", { commune, from: new Date(until - DAY_MS).toISOString(), until: new Date(until).toISOString() }),
    read("/rejections/groups", { commune, since }),
    readMessages({ commune }),
    read("/pruned"),
  ]);
  const view = { ...about, since, groups, pruned };
  const [flooded, refused] = [true, false].map((quarantined) => groups.filter(({ reason }) => (reason === "flooded") === quarantined));
  choices($("[data-scope]"), [["", t(may("see") ? "data.everywhere" : "data.all_seen")], ["commune", about.commune.name]], scoped() ? "commune" : "", (scope) => {
    put({ scope });
    about.again();
  });
  period.show($("[data-since]"), about.again);
  $("[data-groups]").replaceChildren(refused.length ? groupTable(refused, view) : empty("data.none"));
  $("[data-quarantine]").replaceChildren(flooded.length ? quarantineTable(flooded, view) : empty("data.none_flooded"));
  $("[data-pruned]").replaceChildren(prunedList(pruned));
  $("[data-refusals]").replaceChildren(...messageList(page, { commune }, view));
  return {
    counts: counts.items.filter(({ count }) => count).sort((a, b) => b.count - a.count),
    replayable: groups.reduce((sum, group) => sum + group.replayable, 0),
  };
}

const empty = (key) => el("p", { class: "lede none" }, t(key));
const scoped = () => get("scope") === "commune";

/** One row per reason and sensor, the most frequent first. */
function groupTable(groups, view) {
  const heads = [[t("data.reason")], [t("data.sensor")], [t("data.kept"), "num"], [t("data.times"), "num wide"], [t("data.last"), "num wide"], [""]];
  const rows = groups.map((group) => {
    const name = el("span", { class: "state wrap" }, glyph("s-refused"), t(`reason.${group.reason}`));
    const cells = [el("td", {}, sensorOf(group, view)), figureCell(group.rejections), figureCell(group.times, "num wide"), ...lastCells(group, view)];
    return openingRow([name], cells, () => messagesOf(group, view));
  });
  return table(t("data.groups"), heads, rows, { cut: CUT });
}

function quarantineTable(groups, view) {
  const heads = [[t("data.looping")], [t("data.kept"), "num"], [t("data.let_go"), "num"], [t("data.last"), "num wide"], [""]];
  const rows = groups.map((group) =>
    openingRow([sensorOf(group, view, false)], [figureCell(group.rejections), figureCell(letGo(view.pruned, group.external_id)), ...lastCells(group, view)], () => messagesOf(group, view), leadOf(group, view)),
  );
  return table(t("data.quarantine"), heads, rows, { cut: CUT });
}

/** The page of a group's sensor, where it is adopted. */
const leadOf = ({ sensor_id: sensor, external_id: id, commune }, { names }) => (sensor ? { href: sensorPage(sensor, commune), label: names.get(id) ?? id } : {});

const lastCells = (group, view) => [
  el("td", { class: "num wide" }, moment(Date.parse(group.last_received_at), now(), clock)),
  el("td", { class: "act" }, replayOf(group, view)),
];

async function messagesOf({ reason, external_id: id, commune }, view) {
  // An empty identifier asks for those whose sensor could not be read.
  const filter = { reason, sensor: id ?? "", commune, since: view.since };
  return messageList(await readMessages(filter), filter, view);
}

/** The sensor's name where this commune knows it, with its page, and its identifier. */
function sensorOf({ external_id: id, sensor_id: sensor, commune }, { names }, linked = true) {
  if (!id) return el("span", { class: "quiet" }, t("data.no_sensor"));
  const name = names.get(id);
  const code = el("code", { class: name ? "quiet wide" : null }, id);
  const words = el("span", { class: "who" }, name ?? "", code);
  return sensor && linked ? el("a", { class: "plain", href: sensorPage(sensor, commune) }, words) : words;
}
