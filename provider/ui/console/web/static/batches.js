// The batches of a connection, listed on request, the latest first.
import { post } from "./api.js";
import { actionButton } from "./button.js";
import { el, ident, put } from "./dom.js";
import { number, plural } from "./format.js";
import { announce } from "./announcer.js";
import { faultNotice } from "./notice.js";
import { badge } from "./states.js";
import { age } from "./time.js";

// Shape and colour of each state; the word is the service's own.
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
    const data = await post("api/batches", { connection: connection.id });
    show(data, body);
    announce(`${plural(data.batches.length, "batch", "batches")} listed.`);
  } catch (fault) {
    put(body, faultNotice(fault));
    announce(`No batches: ${fault.message}`);
  }
}

function show(data, body) {
  const count = plural(data.batches.length, "batch", "batches");
  put(
    body,
    data.batches.length > 0 && table(data.batches),
    el("p", { class: "hint" }, data.more ? `The latest ${count}` : count, ", listed ", age(data.at), "."),
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

// The names of the task, without a link: the sandbox of Airflow's frame would block it.
function task({ dag, run, task: name, map_index: index }) {
  return [
    el("p", {}, ident(dag), " · ", ident(name), index !== "-1" && [" [", ident(index), "]"]),
    el("p", { class: "sub" }, ident(run)),
  ];
}
