// Builds the page. Text only ever becomes a text node, so nothing that a server sends is markup.

// A megabyte of name would cost a second of layout in each cell that shows it.
const SHOWN = 200;
const IN_TITLE = 1_000;
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Make an element; `on…` attributes are listeners, and null, undefined and false leave an attribute or child out.
 */
export function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) set(node, key, value);
  return put(node, ...children);
}

/** Replace what is in a node. */
export function put(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(present));
  return node;
}

/** Shorten a text that may be of any length. */
export function clip(text, most = SHOWN) {
  const characters = String(text);
  return characters.length > most ? `${characters.slice(0, most)}…` : characters;
}

/** Spell out the marks that turn the direction of text: they can make one id look like another. */
export function spelled(text) {
  return text.replace(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Show an id that somebody else wrote, apart from the text around it. */
export function ident(text, attributes) {
  const long = String(text).length > SHOWN;
  return el("bdi", { class: "ident", translate: "no", title: long && spelled(clip(text, IN_TITLE)), ...attributes }, spelled(clip(text)));
}

/** Show a sentence that may quote somebody else. */
export function said(text, attributes) {
  return el("bdi", attributes, spelled(clip(text, 4_000)));
}

/** A link within the page, or to Airflow. */
export function link(href, text, attributes) {
  return el("a", { href, ...attributes }, text);
}

/** Focus what has just appeared. */
export function focusOn(node) {
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest" });
}

function set(node, key, value) {
  if (!present(value)) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else node.setAttribute(key, value === true ? "" : value);
}

function present(value) {
  return value !== null && value !== undefined && value !== false;
}
