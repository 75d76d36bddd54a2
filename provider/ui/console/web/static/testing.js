// The test of one connection: a button, and the result of the last run.
import { actionButton, pause } from "./button.js";
import { el, focusOn, put, messageText } from "./dom.js";
import { lastVerdict, running, stepsToCome, verdict } from "./ladder.js";
import { announce } from "./announcer.js";
import { keep, recall } from "./session_cache.js";
import { faultNotice } from "./notice.js";
import { test } from "./runs.js";
import { secondsSince } from "./time.js";

/** Make the section. */
export function testSection({ connection, test: allowed, user }) {
  const result = el("div", { class: "result" });
  const button = actionButton("Test", "Testing…", () => run(connection, user, result, button), {
    class: "button primary test",
  });
  const why = explainDisabled(connection, allowed);
  showLast(connection, user, result, button);
  return el(
    "section",
    { "aria-labelledby": "test-title" },
    el("div", { class: "title" }, el("h2", { id: "test-title" }, "Test"), el("div", { class: "actions" }, why ? off() : button)),
    why && el("p", { class: "hint", id: "why-no-test" }, messageText(why)),
    result,
  );
}

async function run(connection, user, result, button) {
  put(result, running(connection), stepsToCome(connection));
  try {
    const report = await test(connection.id);
    keep("report", user, connection.id, report);
    const nodes = verdict(report);
    put(result, nodes);
    if (report.wait) pause(button, report.wait);
    announce(`Test finished: ${report.message}`);
    focusUnlessElsewhere(nodes[0], button);
  } catch (fault) {
    put(result, faultNotice(fault));
    announce(`No result: ${fault.message}`);
  }
}

// Leaves the focus alone if the user has moved it meanwhile.
function focusUnlessElsewhere(node, button) {
  if ([button, document.body].includes(document.activeElement)) focusOn(node);
}

function showLast(connection, user, result, button) {
  const { last } = connection;
  if (!last) return put(result, stepsToCome(connection));
  const report = recall("report", user, connection.id);
  if (report?.connection?.last?.at !== last.at) return put(result, lastVerdict(last));
  const wait = Math.ceil((report.wait ?? 0) - secondsSince(last.at));
  if (wait > 0) pause(button, wait);
  return put(result, verdict({ ...report, connection }));
}

function explainDisabled(connection, allowed) {
  if (!allowed.enabled) return allowed.message;
  if (!connection.may_test) return "You may read this connection but not test it: testing needs the permission to create connections.";
  return null;
}

function off() {
  return el("button", { type: "button", class: "button primary test", disabled: true, "aria-describedby": "why-no-test" }, "Test");
}
