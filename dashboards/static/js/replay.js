/** Replaying a group of refused messages: asked, confirmed, followed; what came of it in words. */

import { ask } from "./dialog.js";
import { el } from "./element.js";
import { number } from "./formats.js";
import { askIntake, follow, isOpen, progress, redraw } from "./intake.js";
import { may } from "./rights.js";
import { t } from "./words.js";

// Replays that a person asked here, by group: their progress stays where they were asked.
const replays = new Map();
const keyOf = ({ reason, external_id: id, commune }) => [reason, id, commune].join("|");
const named = ({ reason, external_id: id }) => ({ reason: t(`reason.${reason}`), id: id ?? t("data.no_sensor") });

/**
 * What can be done with a group, or how its replay stands.
 * @param {object} group
 * @param {{since: string, groups: object[], settle: () => void, failed: (error: Error) => void}} view
 */
export function replayOf(group, view) {
  const cell = el("span", { class: "replay", "aria-live": "polite", tabindex: "-1" });
  const draw = () => {
    const intake = replays.get(keyOf(group));
    const parts = [];
    if (intake) parts.push(progress(intake));
    else if (!group.replayable) parts.push(el("span", { class: "quiet small" }, settledWords(group)));
    if (group.replayable && may("tend", group.commune) && !(intake && isOpen(intake))) parts.push(button());
    redraw(cell, parts);
  };
  const button = () =>
    el("button", { class: "btn", type: "button", "aria-label": t("data.replay_named", named(group)), onclick: () => askReplay(group, view, draw) }, t("data.replay"));
  draw();
  return cell;
}

/** Why there is nothing to replay. */
function settledWords({ reason, rejections, settled }) {
  if (settled >= rejections) return t("data.settled");
  return t(reason === "conflict" ? "data.first_stays" : "data.kept_in_part");
}

function askReplay(group, view, draw) {
  const { reason, external_id: id, commune } = group;
  // Messages that do not say whose they are go with all of their reason: a replay names a sensor or none.
  const taken = id === null ? view.groups.filter((one) => one.reason === reason && (commune === null || one.commune === commune)) : [group];
  const n = taken.reduce((sum, { replayable }) => sum + replayable, 0);
  const words = id === null ? t("data.replay_all_lede", named(group)) : t("data.replay_lede", named(group));
  ask({
    title: t("data.replay_title", { n: number(n) }, n),
    body: [el("p", { class: "lede" }, words, " ", t("data.replay_how"))],
    label: t("data.replay"),
    act: async () => {
      const intake = await askIntake({ kind: "replay", reason, external_id: id, commune, since: view.since });
      followReplay(group, intake, view, draw);
    },
  });
}

/** Replaying one message alone: one click, since it is looked at whole. */
export function replayOne(item, view) {
  const cell = el("p", { class: "replay one", "aria-live": "polite", tabindex: "-1" });
  if (!item.replayable || !may("tend", item.commune_insee)) return cell;
  const button = el("button", { class: "btn", type: "button", onclick: start }, t("data.replay_one"));
  cell.append(button);
  async function start() {
    button.disabled = true;
    try {
      const intake = await askIntake({ kind: "replay", rejection_id: item.rejection_id, reason: item.reason, external_id: item.external_id, commune: item.commune_insee });
      await follow(intake, (seen) => redraw(cell, [progress(seen)]));
      view.settle();
    } catch (error) {
      redraw(cell, [el("span", { class: "t-alarm" }, t("dialog.refused", { why: error.message })), button]);
      button.disabled = false;
    }
  }
  return cell;
}

async function followReplay(group, intake, view, draw) {
  try {
    await follow(intake, (seen) => {
      replays.set(keyOf(group), seen);
      draw();
    });
    view.settle();
  } catch (error) {
    replays.delete(keyOf(group));
    view.failed(error);
  }
}
