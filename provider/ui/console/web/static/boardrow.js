// One connection on the status board, tested independently of the others.
import { actionButton, isLocked, pause, press } from "./button.js";
import { clip, el, ident, link, put, messageText, escapeBidi } from "./dom.js";
import { milliseconds } from "./format.js";
import { announce } from "./announcer.js";
import { keep } from "./session_cache.js";
import { faultTitle, howToLogIn } from "./notice.js";
import { connectionAddress } from "./page.js";
import { test } from "./runs.js";
import { badge, customHost, outdated } from "./states.js";
import { age } from "./time.js";

/**
 * Make a row: its node, `run` to test it without announcing the result, and `free`, whether `run` is possible now.
 */
export function row(connection, { test: allowed, user }) {
  const cells = Object.fromEntries(["state", "tested", "success", "latency"].map((name) => [name, el("td", { class: `cell-${name}` })]));
  const run = ({ quietly }) => runTest(connection, user, cells, button, quietly ? () => {} : announce);
  const button = actionButton("Test", "Testing…", run, { class: "button test" });
  button.setAttribute("aria-label", `Test ${escapeBidi(clip(connection.id))}`);
  showLast(cells, connection);
  const node = el(
    "tr",
    {},
    el("th", { scope: "row" }, name(connection)),
    Object.values(cells),
    el("td", { class: "defaults" }, defaults(connection)),
    el("td", { class: "act" }, action(connection, allowed, button)),
  );
  return { node, connection, free: () => !isLocked(button), run: () => press(button, { quietly: true }) };
}

async function runTest(connection, user, cells, button, onResult) {
  const name = clip(connection.id, 80);
  put(cells.state, badge("running"), el("p", { class: "headline" }, "Up to ten seconds"));
  try {
    const report = await test(connection.id);
    keep("report", user, connection.id, report);
    showLast(cells, report.connection);
    if (report.wait) pause(button, report.wait);
    onResult(`${name}: ${report.message}`);
    return report.state;
  } catch (fault) {
    put(cells.state, badge("lost"), el("p", { class: "headline" }, `${faultTitle(fault)}: `, messageText(fault.message)), fault.status === 401 && el("p", { class: "headline" }, howToLogIn()));
    onResult(`${name}: ${faultTitle(fault)}`);
    return "lost";
  }
}

function name(connection) {
  return [
    link(connectionAddress(connection.id), ident(connection.id)),
    el("p", { class: "sub" }, ident(connection.base_url || "-"), connection.custom_host && [" ", customHost()]),
    el("p", { class: "sub" }, connection.source),
  ];
}

function showLast(cells, { last, problem }) {
  put(cells.state, state(last, problem));
  put(cells.tested, last ? [age(last.at), el("p", { class: "sub" }, "by ", ident(last.by))] : "-");
  put(cells.success, last?.last_success ? age(last.last_success) : "-");
  put(cells.latency, last ? milliseconds(last.milliseconds) : "-");
}

function state(last, problem) {
  if (problem) return [badge("failed", "Cannot work"), el("p", { class: "headline" }, messageText(problem))];
  if (!last) return badge("never");
  return [badge(last.state), " ", last.outdated && outdated(), el("p", { class: "headline" }, messageText(last.headline))];
}

function defaults(connection) {
  const line = (label, value) => el("p", { class: "sub" }, `${label} `, value ? ident(value) : "-");
  return [el("p", {}, connection.access || "-"), line("chat", connection.chat_model), line("embed", connection.embedding_model)];
}

function action(connection, allowed, button) {
  if (allowed.enabled && connection.may_test) return button;
  const why = allowed.enabled ? "No permission to test" : "Testing is off";
  return [el("button", { type: "button", class: "button test", disabled: true }, "Test"), el("p", { class: "sub" }, why)];
}
