// Announces the result of an action: to screen readers, and for some seconds in a corner of the page.

import { clip, escapeBidi } from "./dom.js";

const DISPLAY_MS = 6_000;
const region = document.querySelector("#status");
let timer;

/** Announce a message. */
export function announce(message) {
  clearTimeout(timer);
  region.textContent = "";
  // Screen readers ignore a region whose text does not change, so it is emptied first.
  requestAnimationFrame(() => (region.textContent = escapeBidi(clip(message, 300))));
  timer = setTimeout(() => (region.textContent = ""), DISPLAY_MS);
}
