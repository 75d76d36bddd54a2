// The batches of a connection: listed when asked for, the latest first.
import { post } from "./api.js";
import { actionButton } from "./button.js";
import { el, ident, put } from "./dom.js";
import { number, plural } from "./format.js";
import { announce } from "./announcer.js";
import { faultNotice } from "./notice.js";
import { badge } from "./states.js";
import { age } from "./time.js";

// The shape and colour of each state; the word is the service's own.
const STATES = { completed: "ok", failed: "failed", expired: "failed", cancelled: "not run", cancelling: "not run" };

/** Make the section. */
export function batchesSection({ connection }) {
  const anonymous = connection.access === "anonymous";
  const hint = anonymous ? "Batches need an API token, and this connection has none." : "Listing asks the service for the latest hundred.";
  const body = el("div", {}, el("p", { class: "hint" }, hint));
  const button = actionButton("List batches", "Listing…", () => list(connection, body), { class: "button list" });
  return el(
    "section",
    { "aria-labelledby": "batches-title" },
    el("div", { class: "title" }, el("h2", { id: "batches-title" }, "Batches"), !anonymous && el("div", { class: "actions" }, button)),
    body,
  );
}

async function list(connection, body) {
  try {
    const found = await post("api/batches", { connection: connection.id });
    show(found, body);
    announce(`${plural(found.batches.length, "batch", "batches")} listed.`);
  } catch (fault) {
    put(body, faultNotice(fault));
    announce(`No batches: ${fault.message}`);
  }
}

function show(found, body) {
  const count = plural(found.batches.length, "batch", "batches");
  put(
    body,
    found.batches.length > 0 && table(found.batches),
    el("p", { class: "hint" }, found.more ? `The latest ${count}` : count, ", listed ", age(found.at), "."),
  );
}

function table(batches) {
  const heads = ["Batch", "State", "Rows", "Task", "Started"].map((name) => el("th", { scope: "col" }, name));
  return el(
    "table",
    { class: "batches" },
    el("caption", { class: "hidden" }, "Batches, the latest first"),
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, batches.map(batchRow)),
  );
}

function batchRow(batch) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, ident(batch.id || "-"), el("p", { class: "sub" }, ident(batch.endpoint || "-"))),
    el("td", {}, badge(STATES[batch.status] ?? "running", ident(batch.status || "-"))),
    el("td", {}, `${number(batch.completed)} of ${number(batch.total)}`, batch.failed > 0 && el("p", { class: "sub" }, `${number(batch.failed)} failed`)),
    el("td", {}, batch.task ? task(batch.task) : "-"),
    el("td", {}, batch.created ? age(batch.created) : "-", el("p", { class: "sub" }, "within ", ident(batch.completion_window || "-"))),
  );
}

// What Airflow calls it; the sandbox of its frame lets no link lead there.
function task({ dag, run, task: name, map_index: index }) {
  return [
    el("p", {}, ident(dag), " · ", ident(name), index !== "-1" && [" [", ident(index), "]"]),
    el("p", { class: "sub" }, ident(run)),
  ];
}
