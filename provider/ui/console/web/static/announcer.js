// Says aloud, and for some seconds in a corner, what has just happened.

import { clip, spelled } from "./dom.js";

const SHOWN = 6_000;
const region = document.querySelector("#status");
let timer;

/** Announce a sentence. */
export function announce(sentence) {
  clearTimeout(timer);
  region.textContent = "";
  // A region that gets the text it already had is not read again.
  requestAnimationFrame(() => (region.textContent = spelled(clip(sentence, 300))));
  timer = setTimeout(() => (region.textContent = ""), SHOWN);
}
