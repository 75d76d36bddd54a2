// The overview: a status board of all connections that the user may read. Opening it sends no request to any service.
import { get } from "./api.js";
import { row } from "./boardrow.js";
import { actionButton } from "./button.js";
import { copyButton } from "./copy.js";
import { el, link, put, messageText } from "./dom.js";
import { plural } from "./format.js";
import { announce } from "./announcer.js";
import { faultNotice, notice } from "./notice.js";
import { connectionAddress, inFrame } from "./page.js";
import { each } from "./runs.js";
import { setClock } from "./time.js";

const COLUMNS = ["Connection", "State", "Tested", "Last success", "Latency", "Access and defaults", "Test"];
const WORDS = { ok: "OK", failed: "failed", inconclusive: "not verified", lost: "without a result" };

/** Show the overview. */
export async function board(main) {
  document.title = "OVHcloud AI Endpoints";
  const list = el("div", { class: "list" }, placeholder());
  const all = el("span");
  const refresh = actionButton("Refresh", "Refreshing…", () => load(list, all), { class: "button refresh" });
  put(main, el("div", { class: "title" }, el("h1", {}, "Connections"), opener(), el("div", { class: "actions" }, refresh, all)), list);
  await load(list, all);
}

async function load(list, all) {
  list.setAttribute("aria-busy", "true");
  try {
    const data = await get("api/connections");
    setClock(data.now);
    fill(data, list, all);
  } catch (fault) {
    put(list, faultNotice(fault));
  }
  list.removeAttribute("aria-busy");
}

function fill(data, list, all) {
  const rows = data.connections.map((connection) => row(connection, data));
  put(
    list,
    !data.test.enabled && notice("info", "Testing is switched off", messageText(data.test.message)),
    rows.length ? table(rows) : nothing(data),
    data.message && el("p", { class: "hint" }, messageText(data.message)),
  );
  put(all, testAll(rows, data));
}

function table(rows) {
  const head = COLUMNS.map((name) => el("th", { scope: "col" }, name));
  return el(
    "table",
    { class: "board" },
    el("caption", { class: "hidden" }, "Connections and the last test of each"),
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, rows.map(({ node }) => node)),
  );
}

function testAll(rows, data) {
  const testable = rows.filter(({ connection }) => connection.may_test);
  if (!data.test.enabled || testable.length < 2) return null;
  return actionButton("Test all", "Testing…", () => runAll(testable), { class: "button primary test" });
}

async function runAll(rows) {
  const free = rows.filter(({ free }) => free());
  announce(`Testing ${plural(free.length, "connection")}, a few at a time.`);
  const counts = {};
  await each(free, async ({ run }) => {
    const state = await run();
    // A row whose button was pressed meanwhile returns no state and announces its own result.
    if (state) counts[state] = (counts[state] ?? 0) + 1;
  });
  announce(`All tested: ${Object.entries(counts).map(([state, count]) => `${count} ${WORDS[state]}`).join(", ")}.`);
}

function placeholder() {
  const line = () => el("div", { class: "skeleton" });
  return el("div", { class: "placeholder" }, el("span", { class: "hidden" }, "Loading connections…"), line(), line(), line());
}

function nothing(data) {
  if (!data.may_read) return notice("info", "No connections to show");
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "No connection yet"),
    data.may_create ? howToCreate(data) : el("p", {}, "Ask an admin to create one of the type OVHcloud AI Endpoints."),
  );
}

function howToCreate(data) {
  const address = new URL(data.create_url, location.href).href;
  return [
    el("p", {}, "In Airflow's menu, open Admin, then Connections, and add one:"),
    el(
      "ol",
      {},
      el("li", {}, "Connection Type: OVHcloud AI Endpoints"),
      el("li", {}, "Connection Id: ovh_ai_endpoints_default, which tasks use unless told otherwise"),
      el("li", {}, "API token: one of your Public Cloud project; or choose anonymous as Access, under the extra fields"),
    ),
    // A link in the frame would open Airflow within Airflow.
    inFrame
      ? el("p", { class: "address" }, el("code", {}, address), copyButton("Copy link", "Address", () => address))
      : el("p", {}, link(data.create_url, "Open Airflow's connections", { class: "button primary" })),
  ];
}

function opener() {
  const input = el("input", { id: "open-id", required: true, autocomplete: "off", spellcheck: "false", size: 24 });
  return el(
    "form",
    { class: "opener", onsubmit: (event) => open(event, input) },
    el("label", { for: "open-id" }, "Open a connection by its id"),
    input,
    el("button", { class: "button" }, "Open"),
  );
}

function open(event, input) {
  event.preventDefault();
  const id = input.value.trim();
  if (id) location.assign(connectionAddress(id));
}
