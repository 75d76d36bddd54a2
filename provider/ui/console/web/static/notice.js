// Messages about errors, warnings and disabled functions.
import { el, link, messageText } from "./dom.js";
import { inFrame, settings } from "./page.js";

const TITLES = {
  401: "You are logged out",
  403: "Not allowed",
  404: "Not found",
  409: "Not now",
  422: "Not possible",
  429: "Too many requests",
  502: "The service did not answer as it should",
  503: "Busy",
};
const OURS = "A fault on our side";

/** A box with a title and sentences: `info`, `warning` or `error`. */
export function notice(kind, title, ...sentences) {
  return el(
    "div",
    { class: `notice ${kind}` },
    title && el("strong", {}, title),
    sentences.map((each) => el("p", {}, each)),
  );
}

/** What a fault means, and what to do about it. */
export function faultNotice(fault) {
  return notice("error", faultTitle(fault), messageText(fault.message), fault.status === 401 && howToLogIn());
}

/** A fault in a few words. */
export function faultTitle(fault) {
  return TITLES[fault.status] ?? OURS;
}

/** What to do when logged out: the sandbox lets no link of the frame lead the whole tab to another page. */
export function howToLogIn() {
  if (inFrame) return "Reload this browser tab: Airflow then asks you to log in.";
  return el("span", {}, link(settings.home, "Log in to Airflow"), ", then come back to this page.");
}
