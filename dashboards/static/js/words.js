/** Words: the catalogue of the visitor's language, read once. */

const page = document.documentElement;

/** @type {"fr" | "en"} */
export const language = page.lang === "en" ? "en" : "fr";

const answer = await fetch(page.dataset.words);
const catalogue = await answer.json();
const plural = new Intl.PluralRules(language);

/** Whether the catalogue has this key. */
export function knows(key) {
  return find(key) !== undefined;
}

/**
 * The words of a dotted key. `{name}` takes the value of that name; an entry with plural forms takes the one of `n`.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @param {number} [n] what decides the plural, where it is not a value itself
 */
export function t(key, values = {}, n = values.n) {
  const entry = find(key);
  if (entry === undefined) throw new Error(`no words for ${key}`);
  const text = typeof entry === "string" ? entry : entry[plural.select(Number(n))];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** All entries directly under a key, by name, in the order of the catalogue. */
export const wordsUnder = (key) => Object.entries(find(key) ?? {});

function find(key) {
  return key.split(".").reduce((part, name) => part?.[name], catalogue);
}
