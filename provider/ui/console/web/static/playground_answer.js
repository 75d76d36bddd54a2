// The streamed answer of the playground, always shown as plain text.
import { Stopped } from "./api.js";
import { copyButton } from "./copy.js";
import { el, focusOn, ident, put, messageText } from "./dom.js";
import { milliseconds, money, number } from "./format.js";
import { faultNotice, notice } from "./notice.js";

const MILLION = 1_000_000;
const NO_ANSWER = "No complete answer";
const BROKEN_OFF = "The answer broke off before its end; what had been written until then is billed.";

/**
 * Make the view of an answer: its node, `take` for each line, `end` after the last, `fail` for a fault.
 */
export function answer(model, leave) {
  const text = el("p", { class: "words", dir: "auto" });
  const stop = el("button", { type: "button", class: "button small", onclick: leave }, "Stop");
  const after = el("div", {}, stop);
  const node = el("div", { class: "answer", role: "group", "aria-label": "Answer", tabindex: "-1" }, text, after);
  let result = null;

  function finish(summary, ...nodes) {
    const hadFocus = stop === document.activeElement;
    result = summary;
    put(after, ...nodes);
    if (hadFocus || document.activeElement?.matches("[aria-busy=true]")) focusOn(node);
  }

  function fail(fault) {
    const stopped = fault instanceof Stopped;
    const box = stopped ? notice("warning", "Stopped", "What the model had written until then is billed.") : faultNotice(fault);
    finish(stopped ? "Stopped." : fault.message, box);
  }

  return {
    node,
    summary: () => result,
    take({ text: piece, done, error }) {
      if (piece) text.append(piece);
      if (error) finish(error, notice("error", NO_ANSWER, messageText(error)));
      if (done) finish(summarise(done), facts(done, model), code(done));
    },
    end() {
      if (result === null) finish(BROKEN_OFF, notice("error", NO_ANSWER, BROKEN_OFF));
    },
    fail,
  };
}

function summarise({ output_tokens: tokens, dimensions, milliseconds: duration }) {
  if (dimensions) return `Embedded: ${number(dimensions)} dimensions in ${milliseconds(duration)}.`;
  return `Answer complete: ${number(tokens)} tokens in ${milliseconds(duration)}.`;
}

function facts(done, model) {
  const values = {
    Model: done.model && ident(done.model),
    "Tokens in": number(done.input_tokens),
    "Tokens out": done.dimensions ? null : number(done.output_tokens),
    Took: milliseconds(done.milliseconds),
    "First token": done.first_token_milliseconds && milliseconds(done.first_token_milliseconds),
    Cost: cost(done, model),
    Ended: done.finish_reason && finishReason(done.finish_reason),
    Dimensions: done.dimensions && number(done.dimensions),
    "Vector begins": done.vector_start?.map((value) => value.toFixed(4)).join(", "),
  };
  const rows = Object.entries(values).filter(([, value]) => value);
  return el("dl", { class: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function finishReason(reason) {
  return reason === "length" ? "cut off: as many tokens as allowed" : ident(reason);
}

function cost(done, model) {
  if (typeof done.cost === "number") return money(done.cost, done.currency);
  if (typeof model?.price_in !== "number" || typeof done.input_tokens !== "number") return "-";
  const tokens = done.input_tokens * model.price_in + (done.output_tokens ?? 0) * (model.price_out ?? 0);
  return `${money(tokens / MILLION, model.currency)}`;
}

function code({ code: lines }) {
  if (!lines) return null;
  return el(
    "div",
    { class: "code" },
    el("div", { class: "title" }, el("h3", {}, "The same request as an operator"), copyButton("Copy code", "Operator code", () => lines)),
    el("pre", { tabindex: "0", "aria-label": "Operator code" }, el("code", {}, lines)),
  );
}
