// Buttons that run one action at a time. They keep the focus while it runs, unlike with the `disabled` attribute.
import { el } from "./dom.js";

const locks = new WeakMap();
const presses = new WeakMap();

/**
 * Make a button. While `work` runs, it ignores presses and shows the text `busy`.
 */
export function actionButton(label, busy, work, attributes) {
  const text = el("span", { class: "label" }, label);
  const button = el("button", { type: "button", class: "button", ...attributes, onclick: () => press(button) }, text);
  button.dataset.label = label;
  locks.set(button, new Set());
  presses.set(button, async (options) => {
    lock(button, "busy");
    text.textContent = busy;
    try {
      return await work(options);
    } finally {
      if (!locks.get(button).has("paused")) text.textContent = label;
      unlock(button, "busy");
    }
  });
  return button;
}

/** Press a button; `options` are passed to its work. */
export async function press(button, options = {}) {
  return isLocked(button) ? undefined : presses.get(button)(options);
}

export function isLocked(button) {
  return locks.get(button).size > 0;
}

/** Disable a button for some seconds and show a countdown. */
export function pause(button, seconds) {
  const until = Date.now() + seconds * 1000;
  const text = button.querySelector(".label");
  lock(button, "paused");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    text.textContent = left > 0 ? `In ${left} s` : button.dataset.label;
    if (left > 0) return;
    clearInterval(timer);
    unlock(button, "paused");
  };
  const timer = setInterval(tick, 1000);
  tick();
}

function lock(button, reason) {
  locks.get(button).add(reason);
  button.setAttribute("aria-busy", String(locks.get(button).has("busy")));
  button.setAttribute("aria-disabled", "true");
}

function unlock(button, reason) {
  locks.get(button).delete(reason);
  button.setAttribute("aria-busy", String(locks.get(button).has("busy")));
  if (!isLocked(button)) button.removeAttribute("aria-disabled");
}
