// Keeps what a test or a list of models found for as long as this tab lives, so that a reload shows it without a call.

const LARGEST = 1_000_000;

/** Keep a value of one user and one connection. */
export function keep(what, user, id, value) {
  try {
    const text = JSON.stringify(value);
    if (text.length <= LARGEST) sessionStorage.setItem(key(what, user, id), text);
    else sessionStorage.removeItem(key(what, user, id));
  } catch {
    // Full or switched off: the page then asks again.
  }
}

/** The value that was kept, or null. */
export function recall(what, user, id) {
  try {
    return JSON.parse(sessionStorage.getItem(key(what, user, id)));
  } catch {
    return null;
  }
}

function key(...parts) {
  return `ovhcloud-ai ${JSON.stringify(parts)}`;
}
