// Copies text. Over plain HTTP to another machine, browsers have no clipboard: a dialog then shows the text to copy.
import { actionButton } from "./button.js";
import { el } from "./dom.js";
import { announce } from "./announcer.js";

/** Copy a text; `name` is its name in messages. */
export async function copy(text, name) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${name} copied.`);
  } catch {
    offer(text, name);
  }
}

/** A button that copies the text from `read`. */
export function copyButton(label, name, read, attributes) {
  return actionButton(label, label, async () => copy(await read(), name), attributes);
}

function offer(text, name) {
  const area = el("textarea", { readonly: true, rows: 12, spellcheck: "false", "aria-label": name });
  area.value = text;
  const close = el("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, "Close");
  const dialog = el(
    "dialog",
    { "aria-labelledby": "copy-title", onclose: () => dialog.remove() },
    el("h2", { id: "copy-title" }, name),
    el("p", {}, "This browser lets no page copy here. It is selected: press Ctrl+C (⌘C on a Mac), then Escape."),
    area,
    el("div", { class: "actions" }, close),
  );
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
  area.select();
}
