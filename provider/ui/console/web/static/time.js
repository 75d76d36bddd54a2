// Times in the viewer's zone; ages by the server's clock, as the viewer's may be wrong.
import { el } from "./dom.js";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
let clockOffset = 0;

/** Set the server's clock from a response. */
export function setClock(now) {
  clockOffset = Date.parse(now) - Date.now();
}

/** Seconds since a time, by the server's clock. */
export function secondsSince(iso) {
  return Math.max(0, Math.floor((Date.now() + clockOffset - Date.parse(iso)) / 1000));
}

/** How long ago, kept up to date without any request. */
export function age(iso) {
  return el("time", { datetime: iso, class: "age", title: both(iso) }, ageText(iso));
}

/** The time itself. */
export function moment(iso) {
  return el("time", { datetime: iso, title: both(iso) }, local.format(Date.parse(iso)));
}

function both(iso) {
  return `${local.format(Date.parse(iso))} (${iso.replace("T", " ").replace("Z", "")} UTC)`;
}

function ageText(iso) {
  const seconds = secondsSince(iso);
  if (seconds < 5) return "just now";
  const [unit, length] = UNITS.find(([, each]) => seconds >= each);
  return relative.format(-Math.floor(seconds / length), unit);
}

setInterval(() => {
  for (const node of document.querySelectorAll("time.age")) node.textContent = ageText(node.dateTime);
}, 20_000);
