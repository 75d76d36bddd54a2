// The playground: sends one text to one model, only when the user presses the button.
import { stream } from "./api.js";
import { actionButton } from "./button.js";
import { answer } from "./playground_answer.js";
import { clip, el, focusOn, put, escapeBidi } from "./dom.js";
import { money, number } from "./format.js";
import { announce } from "./announcer.js";
import { findUse } from "./modelrow.js";

// The server's limits.
const MAX_PROMPT_CHARS = 20_000;
const MAX_TOKENS = 1_024;
const DEFAULT_MAX_TOKENS = 256;
// A list of ten thousand is no choice: the table's “Try” adds those beyond.
const MAX_OPTIONS = 500;
const MILLION = 1_000_000;

/** Make the section: its node, `offer` for the models that are listed, `choose` for one of them. */
export function trialSection(connection) {
  const form = fields();
  const models = new Map();
  const section = {
    offer: (list) => offer(list, form, models, connection),
    choose: (model) => choose(model, form, models, connection),
  };
  form.model.addEventListener("change", () => showChoice(form, models, connection));
  form.text.addEventListener("input", () => showPrice(form, models, connection));
  form.maxTokens.addEventListener("input", () => showPrice(form, models, connection));
  form.kind.addEventListener("change", () => showPrice(form, models, connection));
  section.node = layout(form, connection, () => run(connection, form, models));
  section.offer(listDefaults(connection));
  return section;
}

function listDefaults(connection) {
  const ids = { chat: connection.chat_model, embedding: connection.embedding_model };
  const unpriced = { context: null, price_in: null, price_out: null, currency: null, unlisted: true };
  return Object.entries(ids)
    .filter(([, id]) => id)
    .map(([kind, id]) => ({ id, kind, default: kind, ...unpriced }));
}

function fields() {
  return {
    model: el("select", { id: "try-model" }),
    kind: el("select", { id: "try-kind" }, el("option", { value: "chat" }, "chat"), el("option", { value: "embedding" }, "embedding")),
    text: el("textarea", { id: "try-text", rows: 4, maxlength: MAX_PROMPT_CHARS, placeholder: "A prompt, or a text to embed" }),
    maxTokens: el("input", { id: "try-most", type: "number", min: 1, max: MAX_TOKENS, value: DEFAULT_MAX_TOKENS }),
    price: el("p", { class: "price", id: "try-price" }),
    result: el("div", { class: "result" }),
  };
}

function layout(form, connection, send) {
  const allowed = connection.may_edit;
  const button = actionButton("Send", "Answering…", send, { class: "button primary test", "aria-describedby": "try-price" });
  const off = el("button", { type: "button", class: "button primary test", disabled: true, "aria-describedby": "why-no-try" }, "Send");
  for (const each of [form.model, form.kind, form.text, form.maxTokens]) each.disabled = !allowed;
  return el(
    "section",
    { "aria-labelledby": "try-title", class: "trial" },
    el("h2", { id: "try-title" }, "Try it", connection.access !== "anonymous" && el("span", { class: "tag warning" }, "billed")),
    !allowed && el("p", { class: "hint", id: "why-no-try" }, "Trying a model needs the permission to edit this connection: ask an admin."),
    el("div", { class: "controls" }, field("Model", form.model), field("Use as", form.kind), field("Tokens at most", form.maxTokens)),
    field("Text", form.text),
    form.price,
    el("div", { class: "actions" }, allowed ? button : off),
    form.result,
  );
}

function field(label, input) {
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

function offer(list, form, models, connection) {
  const chosen = form.model.value;
  models.clear();
  const usable = list.filter(findUse);
  for (const model of usable) models.set(model.id, model);
  const first = usable.filter((model) => model.default);
  const rest = usable.filter((model) => !model.default).slice(0, MAX_OPTIONS);
  put(form.model, [...first, ...rest].map(option), !usable.length && el("option", { value: "" }, "List the models first"));
  if (models.has(chosen)) select(form, models.get(chosen));
  showChoice(form, models, connection);
}

function option(model) {
  return el("option", { value: model.id }, escapeBidi(clip(model.id, 60)), model.default && ` (default ${model.default})`);
}

function select(form, model) {
  form.model.value = model.id;
  if (form.model.value === model.id) return;
  form.model.append(option(model));
  form.model.value = model.id;
}

function choose(model, form, models, connection) {
  select(form, model);
  showChoice(form, models, connection);
  focusOn(connection.may_edit ? form.text : form.result.parentElement.querySelector("#why-no-try"));
}

function showChoice(form, models, connection) {
  const model = models.get(form.model.value);
  form.kind.value = (model && findUse(model)) ?? "chat";
  // If the list names the kind, the user has no choice.
  form.kind.parentElement.toggleAttribute("hidden", Boolean(model?.kind ?? model?.default));
  showPrice(form, models, connection);
}

function showPrice(form, models, connection) {
  const model = models.get(form.model.value);
  form.maxTokens.parentElement.toggleAttribute("hidden", form.kind.value !== "chat");
  form.price.textContent = describePrice(model, form, connection);
}

function describePrice(model, form, connection) {
  if (connection.access === "anonymous") return "Anonymous access is not billed; it allows a few requests a minute.";
  if (!model) return "";
  if (model.unlisted) return "Billed. List the models to see the price.";
  if (model.price_in === null) return "Billed; the price of this model is not known here.";
  const each = `${money(model.price_in, model.currency)} per million tokens in, ${money(model.price_out, model.currency)} out`;
  return `Billed: ${each}. This request costs at most about ${money(maxCost(model, form), model.currency)}.`;
}

// A token is at least one byte of the text.
function maxCost(model, form) {
  const tokensIn = new TextEncoder().encode(form.text.value).length;
  const tokensOut = form.kind.value === "chat" ? Number(form.maxTokens.value) : 0;
  return (tokensIn * model.price_in + tokensOut * (model.price_out ?? 0)) / MILLION;
}

async function run(connection, form, models) {
  const request = buildRequest(connection, form);
  const problem = findProblem(request, form);
  if (problem) return announce(problem);
  const leave = new AbortController();
  addEventListener("pagehide", () => leave.abort(), { signal: leave.signal });
  const view = answer(models.get(request.model), () => leave.abort());
  put(form.result, view.node);
  announce("Sent.");
  await follow(stream("api/try", request, leave.signal), view);
  announce(view.summary());
  leave.abort();
}

async function follow(lines, view) {
  try {
    for await (const line of lines) view.take(line);
    view.end();
  } catch (fault) {
    view.fail(fault);
  }
}

function buildRequest(connection, form) {
  const request = { connection: connection.id, model: form.model.value, kind: form.kind.value, text: form.text.value };
  return request.kind === "chat" ? { ...request, max_tokens: Number(form.maxTokens.value) } : request;
}

function findProblem(request, form) {
  const input = !request.model ? form.model : !request.text.trim() ? form.text : form.maxTokens.checkValidity() ? null : form.maxTokens;
  if (!input) return null;
  input.focus();
  if (input === form.maxTokens) return `Tokens at most: from 1 to ${number(MAX_TOKENS)}.`;
  return input === form.model ? "Choose a model first." : "Write a text first.";
}
