// Builds the page. Text only ever becomes a text node, so nothing that a server sends is markup.

// The layout of a name of a megabyte takes a second in each cell.
const MAX_CHARS = 200;
const MAX_TITLE_CHARS = 1_000;
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

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

/** Shorten a string of any length. */
export function clip(text, maxChars = MAX_CHARS) {
  const characters = String(text);
  return characters.length > maxChars ? `${characters.slice(0, maxChars)}…` : characters;
}

/** Escape the controls that change the direction of text: they can make one id look like another. */
export function escapeBidi(text) {
  return text.replace(BIDI_CONTROLS, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Show an id from a service or a user, isolated from the text around it. */
export function ident(text, attributes) {
  const long = String(text).length > MAX_CHARS;
  return el("bdi", { class: "ident", translate: "no", title: long && escapeBidi(clip(text, MAX_TITLE_CHARS)), ...attributes }, escapeBidi(clip(text)));
}

/** Show a message, which may quote a service or a user. */
export function messageText(text, attributes) {
  return el("bdi", attributes, escapeBidi(clip(text, 4_000)));
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
