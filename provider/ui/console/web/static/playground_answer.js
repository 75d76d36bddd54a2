// The answer to a trial, as it comes: always text, whatever the model writes.
import { Stopped } from "./api.js";
import { copyButton } from "./copy.js";
import { el, focusOn, ident, put, said } from "./dom.js";
import { milliseconds, money, number } from "./format.js";
import { faultNotice, notice } from "./notice.js";

const MILLION = 1_000_000;
const NO_ANSWER = "No complete answer";
const BROKEN_OFF = "The answer broke off before its end; what had been written until then is billed.";

/**
 * Make the place for an answer: its node, `take` for each line, `end` after the last, `fail` for a fault.
 */
export function answer(model, leave) {
  const text = el("p", { class: "words", dir: "auto" });
  const stop = el("button", { type: "button", class: "button small", onclick: leave }, "Stop");
  const after = el("div", {}, stop);
  const node = el("div", { class: "answer", role: "group", "aria-label": "Answer", tabindex: "-1" }, text, after);
  let over = null;

  function finish(summary, ...shown) {
    const hadFocus = stop === document.activeElement;
    over = summary;
    put(after, ...shown);
    if (hadFocus || document.activeElement?.matches("[aria-busy=true]")) focusOn(node);
  }

  function fail(fault) {
    const stopped = fault instanceof Stopped;
    const shown = stopped ? notice("warning", "Stopped", "What the model had written until then is billed.") : faultNotice(fault);
    finish(stopped ? "Stopped." : fault.message, shown);
  }

  return {
    node,
    summary: () => over,
    take({ text: piece, done, error }) {
      if (piece) text.append(piece);
      if (error) finish(error, notice("error", NO_ANSWER, said(error)));
      if (done) finish(sentence(done), facts(done, model), code(done));
    },
    end() {
      if (over === null) finish(BROKEN_OFF, notice("error", NO_ANSWER, BROKEN_OFF));
    },
    fail,
  };
}

function sentence({ output_tokens: written, dimensions, milliseconds: taken }) {
  if (dimensions) return `Embedded: ${number(dimensions)} dimensions in ${milliseconds(taken)}.`;
  return `Answer complete: ${number(written)} tokens in ${milliseconds(taken)}.`;
}

function facts(done, model) {
  const shown = {
    Model: done.model && ident(done.model),
    "Tokens in": number(done.input_tokens),
    "Tokens out": done.dimensions ? null : number(done.output_tokens),
    Took: milliseconds(done.milliseconds),
    "First token": done.first_token_milliseconds && milliseconds(done.first_token_milliseconds),
    Cost: cost(done, model),
    Ended: done.finish_reason && ended(done.finish_reason),
    Dimensions: done.dimensions && number(done.dimensions),
    "Vector begins": done.vector_start?.map((value) => value.toFixed(4)).join(", "),
  };
  const known = Object.entries(shown).filter(([, value]) => value);
  return el("dl", { class: "facts" }, known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function ended(reason) {
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
