// States as words, shapes and colours: any one of the three distinguishes each state from the others.
import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const ROUND = "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z";

const STATES = {
  ok: { word: "OK", shape: [ROUND, "M5 8.2l2.1 2.1L11 6.2"] },
  failed: { word: "Failed", shape: ["M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z", "M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6"] },
  inconclusive: { word: "Not verified", shape: ["M8 1.8l6.6 12H1.4z", "M8 6.2v3.6M8 11.6v.4"] },
  "not run": { word: "Not run", shape: ["M3.5 8h9"] },
  never: { word: "Never tested", shape: [ROUND], dashed: true },
  running: { word: "Testing…", shape: ["M8 1.5a6.5 6.5 0 1 1-6.5 6.5"] },
  lost: { word: "No result", shape: ["M2 2h12v12H2z", "M8 5v3.8M8 11v.4"] },
};

/** The shape of a state, with its word or another one. */
export function badge(state, word = STATES[state].word) {
  return el("span", { class: `state ${className(state)}` }, shape(state), el("span", {}, word));
}

/** The mark of a result that is older than the settings. */
export function outdated() {
  return el("span", { class: "tag warning" }, "settings changed since");
}

/** The mark of a service that is not OVHcloud's. */
export function customHost() {
  return el("span", { class: "tag", title: "This address is none of OVHcloud's." }, "custom host");
}

/** Name of the class that gives a state its colour. */
export function className(state) {
  return `is-${state.replace(" ", "-")}`;
}

function shape(state) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  if (STATES[state].dashed) svg.setAttribute("stroke-dasharray", "2.2 2.2");
  for (const line of STATES[state].shape) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
