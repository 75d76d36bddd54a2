// One model in the table, with its actions.
import { file } from "./api.js";
import { actionButton } from "./button.js";
import { copy, copyButton } from "./copy.js";
import { el, ident, link } from "./dom.js";
import { money, number } from "./format.js";
import { announce } from "./announcer.js";
import { inFrame, mayDownload, safeAddress } from "./page.js";

// How each kind can be tried. For an unknown kind, the user chooses.
const USES = { chat: "chat", vision: "chat", guard: "chat", embedding: "embedding" };

/** How a model is tried, or null. */
export function findUse(model) {
  return model.default ?? (model.kind === null ? "chat" : (USES[model.kind] ?? null));
}

/** The kind of task for a model, or null: the kind "speech" covers both synthesis and transcription. */
export function findTask(model) {
  if (model.default) return model.default;
  if (model.kind === "guard" || model.kind === "image") return model.kind;
  return model.kind === "speech" && /whisper/i.test(model.id) ? "transcription" : findUse(model);
}

/** Make the row of a model. */
export function modelRow(model, connection, trial) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, ident(model.id), model.default && mark(model), el("p", { class: "sub links" }, links(model))),
    el("td", {}, model.kind ? ident(model.kind) : "-"),
    el("td", { class: "number" }, number(model.context)),
    el("td", { class: "number" }, price(model, model.price_in)),
    el("td", { class: "number" }, price(model, model.price_out)),
    el("td", {}, model.owner ? ident(model.owner) : "-"),
    el("td", {}, el("div", { class: "use" }, uses(model, connection, trial))),
  );
}

function mark(model) {
  return el("span", { class: "tag", title: "Tasks that name no model use this one." }, `default ${model.default}`);
}

function price(model, value) {
  const source = value !== null && model.price_source && el("p", { class: "sub" }, model.price_source);
  return [money(value, model.currency), source];
}

function links(model) {
  const addresses = { card: safeAddress(model.card), playground: safeAddress(model.playground) };
  return Object.entries(addresses)
    .filter(([, address]) => address)
    .map(([name, address]) => outside(name, address));
}

// The sandbox of Airflow's frame lets no link open a tab: there, its address is copied.
function outside(name, address) {
  if (!inFrame) return link(address, name, { target: "_blank", rel: "noopener noreferrer" });
  return copyButton(`${name} link`, "Link", () => address, { class: "quiet", title: `Copy ${address}` });
}

function uses(model, connection, trial) {
  const kind = findTask(model);
  if (!kind) return el("p", { class: "sub" }, "no operator for this kind");
  const read = () => file("api/dag", { id: connection.id, model: model.id, kind });
  const unsure = model.kind === null && !model.default && "Its kind is not known: the DAG takes it for a chat model.";
  return [
    findUse(model) && actionButton("Try", "Try", async () => trial.choose(model), { class: "button small" }),
    quietly("Copy as DAG", async () => copy((await read()).text, "DAG"), unsure),
    mayDownload && quietly("Download", async () => save(await read()), unsure),
  ];
}

function quietly(label, work, title) {
  const tried = () => work().catch((fault) => announce(`${label}: ${fault.message}`));
  return actionButton(label, label, tried, { class: "button small", title });
}

function save({ name, text }) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/x-python" }));
  link(address, "", { download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  announce(`${name} saved.`);
}
