// Copies text, with a dialog to copy from where the browser has no clipboard: over plain HTTP to another machine.
import { actionButton } from "./button.js";
import { el } from "./dom.js";
import { announce } from "./announcer.js";

/** Copy a text that people know as `what`. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} copied.`);
  } catch {
    offer(text, what);
  }
}

/** A button that copies what `read` returns. */
export function copyButton(label, what, read, attributes) {
  return actionButton(label, label, async () => copy(await read(), what), attributes);
}

function offer(text, what) {
  const area = el("textarea", { readonly: true, rows: 12, spellcheck: "false", "aria-label": what });
  area.value = text;
  const close = el("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, "Close");
  const dialog = el(
    "dialog",
    { "aria-labelledby": "copy-title", onclose: () => dialog.remove() },
    el("h2", { id: "copy-title" }, what),
    el("p", {}, "This browser lets no page copy here. It is selected: press Ctrl+C (⌘C on a Mac), then Escape."),
    area,
    el("div", { class: "actions" }, close),
  );
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
  area.select();
}
