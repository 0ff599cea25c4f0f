/** The address holds the state of the view, so that it can be sent to a colleague. */

/** A parameter of the address, "" when absent. */
export const get = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** Change parameters; empty ones leave. With `step`, the back button returns to what was. */
export function put(values, { step = false } = {}) {
  const query = new URLSearchParams(location.search);
  query.delete("lang");
  for (const [name, value] of Object.entries(values)) {
    if (value === "" || value === null || value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const address = withQuery(location.pathname, query);
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  follow(query);
}

/** Keep the language links and the rail pointing at this view. */
function follow(query) {
  for (const link of document.querySelectorAll(".lang a")) {
    const own = new URLSearchParams(query);
    own.set("lang", link.lang);
    link.href = withQuery(location.pathname, own);
  }
  const commune = query.get("commune");
  for (const link of document.querySelectorAll("[data-rail]")) {
    link.href = withQuery(new URL(link.href).pathname, new URLSearchParams(commune ? { commune } : {}));
  }
}

const withQuery = (path, query) => path + (query.size ? `?${query}` : "");
