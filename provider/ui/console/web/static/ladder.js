// The result of a test: a verdict, and the ladder of its steps.
import { copyButton } from "./copy.js";
import { el, ident, messageText } from "./dom.js";
import { milliseconds } from "./format.js";
import { badge, className, customHost, outdated } from "./states.js";
import { age, moment } from "./time.js";

/** A report, as a verdict and its steps. */
export function verdict(report) {
  const { last } = report.connection;
  return [
    panel(
      report.state,
      report.message,
      last?.outdated && outdated(),
      el("p", { class: "sub" }, facts(milliseconds(report.milliseconds), access(report), report.limits)),
      el("p", { class: "sub" }, "Ran ", messageText(report.ran), ". A worker may have another network, another proxy."),
      last && testedBy(last),
      report.next && el("p", {}, messageText(report.next)),
      el("div", { class: "actions" }, copies(report)),
    ),
    el("ol", { class: "ladder" }, report.steps.map(rung)),
  ];
}

/** The verdict of a test whose steps are no longer stored. */
export function lastVerdict(last) {
  return panel(
    last.state,
    last.headline,
    last.outdated && outdated(),
    el("p", { class: "sub" }, facts(milliseconds(last.milliseconds), last.step && `decided by the step “${last.step}”`)),
    testedBy(last),
    el("p", { class: "sub" }, "The steps of that run are not kept. Test again to see them."),
  );
}

/** The panel while a test runs. */
export function running(connection) {
  return panel(
    "running",
    "up to ten seconds",
    el("p", { class: "sub" }, "Asking ", ident(connection.base_url || "-"), connection.custom_host && [" ", customHost()]),
  );
}

/** The ladder before a test. */
export function stepsToCome({ access }) {
  const third = access === "anonymous" ? "Anonymous access" : "Token accepted";
  const names = ["Settings", "Name and reach", "TLS", "Models listed", third, "Default models served"];
  return el("ol", { class: "ladder" }, names.map((name) => rung({ name, state: "not run" })));
}

function panel(state, message, ...more) {
  return el(
    "div",
    { class: `verdict ${className(state)}`, tabindex: "-1" },
    el("h3", {}, badge(state), el("span", { class: "hidden" }, ": "), messageText(message)),
    ...more,
  );
}

function rung(step) {
  return el(
    "li",
    { class: className(step.state) },
    el("span", { class: "name" }, step.name),
    badge(step.state),
    el("span", { class: "took" }, step.state === "not run" ? "" : milliseconds(step.milliseconds)),
    el(
      "div",
      { class: "found" },
      step.headline && el("p", { class: "headline" }, messageText(step.headline)),
      step.detail && el("p", {}, messageText(step.detail)),
      step.owner && el("p", { class: "who" }, "Who acts: ", el("strong", {}, step.owner)),
    ),
  );
}

function copies(report) {
  return [
    copyButton("Copy diagnosis", "Diagnosis", () => report.diagnosis),
    copyButton("Copy curl", "curl command", () => report.curl),
  ];
}

function testedBy(last) {
  return el("p", { class: "sub" }, "Tested ", age(last.at), " by ", ident(last.by), ", ", moment(last.at), ". Last success: ", success(last), ".");
}

function success(last) {
  return last.last_success ? age(last.last_success) : "never";
}

function access({ access: way }) {
  return { token: "with the token", anonymous: "anonymous" }[way];
}

function facts(...parts) {
  return parts.filter(Boolean).join(" · ");
}
