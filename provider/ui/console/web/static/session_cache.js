// Caches reports and model lists until this tab is closed, so that a reload shows them without a request.

const MAX_CHARS = 1_000_000;

/** Store a value for one user and one connection. */
export function keep(name, user, id, value) {
  try {
    const text = JSON.stringify(value);
    if (text.length <= MAX_CHARS) sessionStorage.setItem(key(name, user, id), text);
    else sessionStorage.removeItem(key(name, user, id));
  } catch {
    // Full or switched off: the page then requests the value again.
  }
}

/** Read a stored value, or null. */
export function recall(name, user, id) {
  try {
    return JSON.parse(sessionStorage.getItem(key(name, user, id)));
  } catch {
    return null;
  }
}

function key(...parts) {
  return `ovhcloud-ai ${JSON.stringify(parts)}`;
}
