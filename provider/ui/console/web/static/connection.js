// The page of one connection: its test, its models, its batches, and a place to try a model.
import { get } from "./api.js";
import { batchesSection } from "./batches.js";
import { el, ident, link, put, messageText } from "./dom.js";
import { faultNotice, notice } from "./notice.js";
import { modelsSection } from "./models.js";
import { connectionId, overviewAddress } from "./page.js";
import { customHost } from "./states.js";
import { testSection } from "./testing.js";
import { setClock } from "./time.js";
import { trialSection } from "./trial.js";

/** Show the connection that the address names. */
export async function connectionPage(main) {
  const id = connectionId();
  document.title = `${id.slice(0, 80)} – OVHcloud AI Endpoints`;
  const body = el("div", { "aria-busy": "true" }, placeholder());
  put(main, el("h1", {}, ident(id)), body);
  try {
    const data = await get("api/connection", { id });
    setClock(data.now);
    put(body, sections(data));
  } catch (fault) {
    put(body, faultNotice(fault), el("p", {}, link(overviewAddress(), "All connections")));
  }
  body.removeAttribute("aria-busy");
}

function sections(data) {
  const { connection } = data;
  const trial = trialSection(connection);
  return [
    about(connection),
    connection.problem && notice("error", "These settings cannot work", messageText(connection.problem)),
    testSection(data),
    modelsSection(data, trial),
    batchesSection(data),
    trial.node,
  ];
}

function about(connection) {
  const facts = {
    "Base URL": [ident(connection.base_url || "-"), connection.custom_host && [" ", customHost()]],
    "Stored in": connection.source,
    Access: connection.access || "-",
    "Chat model": connection.chat_model ? ident(connection.chat_model) : "-",
    "Embedding model": connection.embedding_model ? ident(connection.embedding_model) : "-",
  };
  return el(
    "dl",
    { class: "facts" },
    Object.entries(facts).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

function placeholder() {
  return [
    el("span", { class: "hidden" }, "Loading the connection…"),
    el("div", { class: "skeleton" }),
    el("div", { class: "skeleton tall" }),
    el("div", { class: "skeleton tall" }),
  ];
}
