/** Building DOM without a framework: text is always text, sizes go through the style object. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children; `null` and `false` are left out.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners
 * @param {...(Node | string | null | false)} children
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return node;
}

/** A glyph of the sheet: `s-watch` for a state, `i-search` for an icon. With a label it is an image. */
export function glyph(name, label = "") {
  const kind = name.startsWith("s-") ? `st st-${name.slice(2)}` : "i";
  const named = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return svg("svg", { class: kind, ...named }, svg("use", { href: `#${name}` }));
}

/** Write text only where it changed: an untouched node costs no layout. */
export function patch(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
