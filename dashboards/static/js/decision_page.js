/** A page of decisions: how it begins, keeps up with what is decided and answered, says that it failed. */

import { read } from "./api.js";
import { el } from "./element.js";
import { note, showVerdict } from "./frame.js";
import { t } from "./words.js";

const chooser = document.querySelector("vigie-communes");

/**
 * @param {object} page
 * @param {string} page.words where its words are in the catalogue
 * @param {Element} page.box where it says that it failed
 * @param {() => Promise<void>} page.load reads all and shows it
 * @param {(decision: object) => unknown} [page.renew] shows a decision that was answered
 * @param {number} [page.refreshMs] read again so often
 */
export async function begin({ words, box, load, renew = null, refreshMs = 0 }) {
  let shown = false;
  const failed = (error) => {
    const said = t(`${words}.failed`, { why: error.message });
    if (!shown) showVerdict([said, ""]);
    box.hidden = false;
    box.replaceChildren(note(said, t("list.retry"), () => location.reload()));
  };
  const again = () => load().catch(failed);
  try {
    await chooser.load();
    await load();
    shown = true;
    document.querySelector("vigie-live").follow(chooser.current.insee);
  } catch (error) {
    failed(error);
  }
  for (const event of ["vigie:decisions", "vigie:reset"]) document.addEventListener(event, again);
  document.addEventListener("vigie:answered", ({ detail }) => (renew ? renew(detail) : again()));
  addEventListener("popstate", again);
  if (refreshMs) setInterval(() => !document.hidden && load().catch(() => {}), refreshMs);
}

/** Whether something of this kind is decided about in the commune shown, and links to the communes where it is. */
export async function decidedWhere(kind) {
  const { items } = await read("/decision-subjects", { kind });
  const where = new Set(items.map((subject) => subject.commune_insee));
  const links = chooser.communes.filter(({ insee }) => where.has(insee)).map(({ insee, name }) => el("a", { href: `?commune=${insee}` }, name));
  return { here: where.has(chooser.current.insee), links };
}
